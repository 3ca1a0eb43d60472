import { join } from 'node:path';
import { Module } from '@nestjs/common';
import { Config } from '../../platform/config/config.ts';
import { GitMirror } from '../../platform/forge/git-mirror.port.ts';
import { SimpleGitMirror } from '../../platform/forge/simple-git-mirror.ts';
import { OutboxHandlers } from '../../platform/outbox/outbox.ts';
import { AuditModule } from '../audit/index.ts';
import { CatalogModule } from '../catalog/index.ts';
import { RunsModule } from '../runs/index.ts';
import { DefinitionFiles } from './definition-file.ts';
import { PlacePush } from './place-push.ts';
import { PlanDelivery } from './plan-delivery.ts';
import { PlanServices } from './plan-services.ts';
import { PlanningController } from './planning.controller.ts';
import { RecordPlan } from './record-plan.ts';
import { StartRun } from './start-run.ts';

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
    RecordPlan,
    PlanDelivery,
    StartRun,
  ],
  exports: [CatalogModule, GitMirror],
})
export class PlanningModule {
  constructor(handlers: OutboxHandlers, planDelivery: PlanDelivery) {
    handlers.on('plan-delivery', (message) => planDelivery.plan(message));
  }
}
