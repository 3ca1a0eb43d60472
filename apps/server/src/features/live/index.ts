export { LiveModule } from './live.module.ts';
export { LiveNotifier } from './live-notifier.ts';
