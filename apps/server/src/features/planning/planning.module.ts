import { join } from 'node:path';
import { Module, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Config } from '../../platform/config/config.ts';
import { GitMirror } from '../../platform/forge/git-mirror.port.ts';
import { SimpleGitMirror } from '../../platform/forge/simple-git-mirror.ts';
import { OutboxHandlers } from '../../platform/outbox/outbox.ts';
import { AuditModule } from '../audit/index.ts';
import { CatalogModule } from '../catalog/index.ts';
import { RunsModule } from '../runs/index.ts';
import { BranchHeads } from './branch-heads.ts';
import { DefinitionFiles } from './definition-file.ts';
import { FireSchedules } from './fire-schedules.ts';
import { Patience } from './patience.ts';
import { LookForPushes } from './look-for-pushes.ts';
import { LookNow } from './look-now.ts';
import { LookRegularly } from './look-regularly.ts';
import { PlacePush } from './place-push.ts';
import { PlanBranch } from './plan-branch.ts';
import { PlanDelivery } from './plan-delivery.ts';
import { PlanPullRequest } from './plan-pull-request.ts';
import { PlanServices } from './plan-services.ts';
import { PlanTag } from './plan-tag.ts';
import { PlannedServices } from './planned-services.ts';
import { PlanningController } from './planning.controller.ts';
import { ReadTriggers } from './read-triggers.ts';
import { RecordPlan } from './record-plan.ts';
import { StartAfterRelease } from './start-after-release.ts';
import { StartRun } from './start-run.ts';
import { StartScheduled } from './start-scheduled.ts';
import { StartUnasked } from './start-unasked.ts';
import { StoreTriggers } from './store-triggers.ts';

@Module({
  imports: [AuditModule, CatalogModule, RunsModule],
  controllers: [PlanningController],
  providers: [
    {
      provide: GitMirror,
      useFactory: (config: Config) =>
        new SimpleGitMirror({ folder: join(config.dataFolder, 'mirrors'), allowedOrigins: config.gitAllowOrigins }),
      inject: [Config],
    },
    DefinitionFiles,
    PlacePush,
    PlanServices,
    PlanBranch,
    PlanTag,
    PlanPullRequest,
    RecordPlan,
    PlanDelivery,
    BranchHeads,
    PlannedServices,
    Patience,
    StoreTriggers,
    ReadTriggers,
    StartRun,
    StartUnasked,
    FireSchedules,
    StartScheduled,
    StartAfterRelease,
    LookForPushes,
    LookNow,
    LookRegularly,
  ],
  exports: [CatalogModule, GitMirror],
})
export class PlanningModule implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #schedules: FireSchedules;
  readonly #looks: LookRegularly;
  constructor(
    handlers: OutboxHandlers,
    planDelivery: PlanDelivery,
    triggers: ReadTriggers,
    schedules: FireSchedules,
    scheduled: StartScheduled,
    afterRelease: StartAfterRelease,
    looks: LookRegularly,
  ) {
    this.#schedules = schedules;
    this.#looks = looks;
    handlers.on('plan-delivery', (message) => planDelivery.plan(message));
    handlers.on('read-triggers', (message) => triggers.read(message));
    handlers.on('start-scheduled', (message) => scheduled.run(message));
    handlers.on('release-live', (message) => afterRelease.order(message));
    handlers.on('start-after-release', (message) => afterRelease.run(message));
  }

  onApplicationBootstrap(): void {
    this.#schedules.start();
    this.#looks.start();
  }

  async onModuleDestroy(): Promise<void> {
    this.#looks.stop();
    await this.#schedules.stop();
  }
}
