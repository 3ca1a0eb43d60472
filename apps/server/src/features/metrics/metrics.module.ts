import { Module } from '@nestjs/common';
import { CatalogModule } from '../catalog/index.ts';
import { MetricsController } from './metrics.controller.ts';

@Module({ imports: [CatalogModule], controllers: [MetricsController] })
export class MetricsModule {}
