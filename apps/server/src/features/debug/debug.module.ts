import { Logger, Module, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { RequestsInFlight } from '../../platform/http/requests-in-flight.ts';
import { AuditModule } from '../audit/index.ts';
import { LiveModule } from '../live/index.ts';
import { RunsModule } from '../runs/index.ts';
import { CarryOrders } from './carry-orders.ts';
import { DebugController } from './debug.controller.ts';
import { DebugSettings } from './debug-settings.ts';
import { EndOverdue } from './end-overdue.ts';
import { KeepJob } from './keep-job.ts';
import { KeptJobRows } from './kept-job-rows.ts';
import { ReadDebug } from './read-debug.ts';
import { RunnerDebugController } from './runner-debug.controller.ts';
import { ShellSignals } from './shell-signals.ts';
import { UseShell } from './use-shell.ts';

@Module({
  imports: [AuditModule, LiveModule, RunsModule],
  controllers: [DebugController, RunnerDebugController],
  providers: [
    { provide: DebugSettings, useFactory: () => new DebugSettings() },
    ShellSignals,
    KeptJobRows,
    KeepJob,
    CarryOrders,
    UseShell,
    ReadDebug,
    EndOverdue,
  ],
})
export class DebugModule implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #log = new Logger('debug');
  readonly #signals: ShellSignals;
  readonly #overdue: EndOverdue;
  readonly #settings: DebugSettings;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  constructor(
    signals: ShellSignals,
    orders: CarryOrders,
    overdue: EndOverdue,
    settings: DebugSettings,
    inFlight: RequestsInFlight,
  ) {
    this.#signals = signals;
    this.#overdue = overdue;
    this.#settings = settings;
    inFlight.stopping.addEventListener('abort', () => orders.stop());
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.#signals.start();
    this.#timer = setInterval(() => {
      this.#running ??= this.#sweep().finally(() => (this.#running = undefined));
    }, this.#settings.sweepMs);
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }

  async #sweep(): Promise<void> {
    await this.#overdue
      .sweep()
      .catch((error: unknown) =>
        this.#log.error({ err: error }, 'kept containers could not be ended; tried again soon'),
      );
  }
}
