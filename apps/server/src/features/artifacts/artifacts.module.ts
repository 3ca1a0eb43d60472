import { Module } from '@nestjs/common';
import { StoreJunitReport } from './store-junit-report.ts';

@Module({ providers: [StoreJunitReport], exports: [StoreJunitReport] })
export class ArtifactsModule {}
