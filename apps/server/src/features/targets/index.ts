export { TargetsModule } from './targets.module.ts';
