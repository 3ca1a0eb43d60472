import { Module } from '@nestjs/common';
import { ArtifactsModule } from '../artifacts/index.ts';
import { AuditModule } from '../audit/index.ts';
import { DispatchModule } from '../dispatch/index.ts';
import { LogsModule } from '../logs/index.ts';
import { RunsModule } from '../runs/index.ts';
import { AcceptResult } from './accept-result.ts';
import { HoldLease } from './hold-lease.ts';
import { LogAppendController } from './log-append.controller.ts';
import { RegisterRunner } from './register-runner.ts';
import { ResumeLease } from './resume-lease.ts';
import { RunnerFilesController } from './runner-files.controller.ts';
import { RunnerApiController } from './runner-api.controller.ts';

@Module({
  imports: [ArtifactsModule, AuditModule, DispatchModule, LogsModule, RunsModule],
  controllers: [RunnerApiController, RunnerFilesController, LogAppendController],
  providers: [RegisterRunner, HoldLease, ResumeLease, AcceptResult],
})
export class RunnerApiModule {}
