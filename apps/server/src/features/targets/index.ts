export { TargetsModule } from './targets.module.ts';
export { DEPLOYMENT_FAILPOINTS } from './deployment-failpoints.ts';
