export { RunnerApiModule } from './runner-api.module.ts';
