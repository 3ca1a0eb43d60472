import { Module } from '@nestjs/common';
import { JunitReader } from './junit-reader.ts';
import { ListReports } from './list-reports.ts';
import { ReportsController } from './reports.controller.ts';
import { StoreJunitReport } from './store-junit-report.ts';

@Module({
  controllers: [ReportsController],
  providers: [JunitReader, StoreJunitReport, ListReports],
  exports: [StoreJunitReport],
})
export class ArtifactsModule {}
