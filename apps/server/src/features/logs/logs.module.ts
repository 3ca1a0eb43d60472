import { Logger, Module, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Config } from '../../platform/config/config.ts';
import { LiveModule } from '../live/index.ts';
import { AppendLog } from './append-log.ts';
import { FindLines } from './find-lines.ts';
import { LiveNotifiedSignals } from './live-notified-signals.ts';
import { LiveSignals } from './live-signals.port.ts';
import { LogHashes } from './log-hashes.ts';
import { LogPieces } from './log-pieces.ts';
import { LogReader } from './log-reader.ts';
import { LogSettings } from './log-settings.ts';
import { LogsController } from './logs.controller.ts';
import { SealLog } from './seal-log.ts';
import { RemoveOrphans } from './remove-orphans.ts';
import { SearchLog } from './search-log.ts';
import { SearchTurns } from './search-turns.ts';
import { StoreSegment } from './store-segment.ts';

const SWEEP_MS = 5_000;
/** Orphans are rare: one sweep in so many, the first one included. */
const ORPHANS_EVERY = 120;

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
    LogPieces,
    FindLines,
    SearchLog,
    SearchTurns,
    LogHashes,
    StoreSegment,
    SealLog,
    AppendLog,
    RemoveOrphans,
  ],
  exports: [AppendLog, SealLog, LogReader, LogSettings, RemoveOrphans],
})
export class LogsModule implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #log = new Logger('logs');
  readonly #seal: SealLog;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  readonly #segments: StoreSegment;
  readonly #orphans: RemoveOrphans;
  #sweeps = 0;
  constructor(seal: SealLog, segments: StoreSegment, orphans: RemoveOrphans) {
    this.#seal = seal;
    this.#orphans = orphans;
    this.#segments = segments;
  }

  onApplicationBootstrap(): void {
    this.#timer = setInterval(() => {
      this.#running ??= this.#sweep().finally(() => (this.#running = undefined));
    }, SWEEP_MS);
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
    await this.#segments.close();
  }

  async #sweep(): Promise<void> {
    await this.#seal
      .sealOverdue()
      .catch((error: unknown) => this.#log.error({ err: error }, 'overdue logs could not be sealed'));
    if (this.#sweeps++ % ORPHANS_EVERY !== 0) return;
    await this.#orphans
      .sweep()
      .catch((error: unknown) => this.#log.error({ err: error }, 'orphaned objects of logs could not be removed'));
  }
}
