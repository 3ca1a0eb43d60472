import { Logger, Module, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Config } from '../../platform/config/config.ts';
import { LiveModule } from '../live/index.ts';
import { AppendLog } from './append-log.ts';
import { LiveNotifiedSignals } from './live-notified-signals.ts';
import { LiveSignals } from './live-signals.port.ts';
import { LogHashes } from './log-hashes.ts';
import { LogReader } from './log-reader.ts';
import { LogSettings } from './log-settings.ts';
import { LogsController } from './logs.controller.ts';
import { SealLog } from './seal-log.ts';
import { StoreSegment } from './store-segment.ts';

const SWEEP_MS = 5_000;

@Module({
  imports: [LiveModule],
  controllers: [LogsController],
  providers: [
    {
      provide: LogSettings,
      useFactory: ({ logLimitBytes: limitBytes }: Config) => new LogSettings({ limitBytes }),
      inject: [Config],
    },
    { provide: LiveSignals, useClass: LiveNotifiedSignals },
    LogReader,
    LogHashes,
    StoreSegment,
    SealLog,
    AppendLog,
  ],
  exports: [AppendLog, SealLog, LogReader, LogSettings],
})
export class LogsModule implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #log = new Logger('logs');
  readonly #seal: SealLog;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  constructor(seal: SealLog) {
    this.#seal = seal;
  }

  onApplicationBootstrap(): void {
    this.#timer = setInterval(() => {
      this.#running ??= this.#sweep().finally(() => (this.#running = undefined));
    }, SWEEP_MS);
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }

  async #sweep(): Promise<void> {
    await this.#seal
      .sealOverdue()
      .catch((error: unknown) => this.#log.error({ err: error }, 'overdue logs could not be sealed'));
  }
}
