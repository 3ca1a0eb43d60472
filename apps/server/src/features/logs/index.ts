export { LogsModule } from './logs.module.ts';
export { AppendLog } from './append-log.ts';
export { SealLog } from './seal-log.ts';
export { LogReader } from './log-reader.ts';
export { LogSettings } from './log-settings.ts';
export { LiveSignals, NoLiveSignals } from './live-signals.port.ts';
export { leaseLost, type LogHolder } from './log-holder.ts';
