export { StatusesModule } from './statuses.module.ts';
