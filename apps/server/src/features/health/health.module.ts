import { Module } from '@nestjs/common';
import { HealthController } from './health.controller.ts';
import { ReadReadiness } from './readiness.ts';

@Module({ controllers: [HealthController], providers: [ReadReadiness] })
export class HealthModule {}
