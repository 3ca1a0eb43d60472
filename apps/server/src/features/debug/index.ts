export { DebugModule } from './debug.module.ts';
