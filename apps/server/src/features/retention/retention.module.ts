import { Module } from '@nestjs/common';
import { Config } from '../../platform/config/config.ts';
import { AuditModule } from '../audit/index.ts';
import { LogsModule } from '../logs/index.ts';
import { ReadRetention } from './read-retention.ts';
import { RemoveDeliveries } from './remove-deliveries.ts';
import { RemoveFiles } from './remove-files.ts';
import { RemoveLogs } from './remove-logs.ts';
import { RemoveMirrors } from './remove-mirrors.ts';
import { RemoveRuns } from './remove-runs.ts';
import { RemoveSmallRows } from './remove-small-rows.ts';
import { RemoveTests } from './remove-tests.ts';
import { RetentionController } from './retention.controller.ts';
import { Retention } from './retention.ts';
import { SetTeamLimits } from './set-team-limits.ts';
import { SweepRetention } from './sweep-retention.ts';
import { SweepTimer } from './sweep-timer.ts';

@Module({
  imports: [AuditModule, LogsModule],
  controllers: [RetentionController],
  providers: [
    { provide: Retention, useFactory: ({ retention }: Config) => new Retention(retention), inject: [Config] },
    RemoveRuns,
    RemoveLogs,
    RemoveTests,
    RemoveFiles,
    RemoveDeliveries,
    RemoveSmallRows,
    RemoveMirrors,
    SweepRetention,
    SweepTimer,
    ReadRetention,
    SetTeamLimits,
  ],
})
export class RetentionModule {}
