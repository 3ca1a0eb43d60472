export { LogsModule } from './logs.module.ts';
export { AppendLog } from './append-log.ts';
export { SealLog } from './seal-log.ts';
export { LogSettings } from './log-settings.ts';
export { leaseLost } from './log-holder.ts';
export { RemoveOrphans } from './remove-orphans.ts';
