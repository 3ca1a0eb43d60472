import { Module, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Config } from '../../platform/config/config.ts';
import { OutboxHandlers } from '../../platform/outbox/outbox.ts';
import { AuditModule } from '../audit/index.ts';
import { AdmitRun } from './admit-run.ts';
import { AssignPools } from './assign-pools.ts';
import { CancelRun } from './cancel-run.ts';
import { CreateRun } from './create-run.ts';
import { ExplainQueue } from './explain-queue.ts';
import { LaneSummaries } from './lane-summaries.ts';
import { KeepSettings } from './keep-settings.ts';
import { ListRuns } from './list-runs.ts';
import { MakeRelease } from './make-release.ts';
import { MirrorLane } from './mirror-lane.ts';
import { ReadBoard } from './read-board.ts';
import { ReadQueue } from './read-queue.ts';
import { ReadRun } from './read-run.ts';
import { Rerun } from './rerun.ts';
import { RunStates } from './run-states.ts';
import { RunStore } from './run-store.ts';
import { RunsController } from './runs.controller.ts';
import { SupersedeRuns } from './supersede-runs.ts';

import { VoidHeldRuns } from './void-held-runs.ts';
import { WakeRuns } from './wake-runs.ts';

@Module({
  imports: [AuditModule],
  controllers: [RunsController],
  providers: [
    {
      provide: KeepSettings,
      useFactory: ({ debugMinutes }: Config) => new KeepSettings(debugMinutes),
      inject: [Config],
    },
    RunStates,
    RunStore,
    AssignPools,
    CreateRun,
    CancelRun,
    AdmitRun,
    VoidHeldRuns,
    Rerun,
    MakeRelease,
    MirrorLane,
    SupersedeRuns,
    LaneSummaries,
    ReadBoard,
    ExplainQueue,
    ReadQueue,
    ReadRun,
    ListRuns,
    WakeRuns,
  ],
  exports: [KeepSettings, RunStates, RunStore, AssignPools, CreateRun, VoidHeldRuns, LaneSummaries],
})
export class RunsModule implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #wake: WakeRuns;
  constructor(
    handlers: OutboxHandlers,
    makeRelease: MakeRelease,
    mirrorLane: MirrorLane,
    supersede: SupersedeRuns,
    wake: WakeRuns,
  ) {
    this.#wake = wake;
    handlers.on('supersede-runs', (message) => supersede.supersede(message));
    handlers.on('make-release', (message) => makeRelease.make(message));
    handlers.on('tell-run', (message) => mirrorLane.mirror(message));
  }

  onApplicationBootstrap(): void {
    this.#wake.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.#wake.stop();
  }
}
