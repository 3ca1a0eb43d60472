export { IdentityModule } from './identity.module.ts';
export { SetupLink } from './setup-link.ts';
