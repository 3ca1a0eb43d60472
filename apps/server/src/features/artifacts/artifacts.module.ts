import { Module } from '@nestjs/common';
import { Clock } from '../../platform/clock/clock.port.ts';
import { Config } from '../../platform/config/config.ts';
import { loadMasterKey } from '../../platform/config/load-master-key.ts';
import { RunsModule } from '../runs/index.ts';
import { ArtifactsController } from './artifacts.controller.ts';
import { BlobLinks } from './blob-links.ts';
import { BlobsController } from './blobs.controller.ts';
import { FindCachePlace } from './cache-place.ts';
import { EvictCaches } from './evict-caches.ts';
import { FindUsedArtifacts } from './find-used-artifacts.ts';
import { FindCache } from './find-cache.ts';
import { JunitReader } from './junit-reader.ts';
import { LeaveArtifact } from './leave-artifact.ts';
import { LeaveCache } from './leave-cache.ts';
import { ListArtifacts } from './list-artifacts.ts';
import { ListReports } from './list-reports.ts';
import { ReadTestHistory } from './read-test-history.ts';
import { ReportsController } from './reports.controller.ts';
import { StorageSettings } from './storage-settings.ts';
import { StoreJunitReport } from './store-junit-report.ts';
import { TransferBlobs } from './transfer-blobs.ts';
import { UseArtifact } from './use-artifact.ts';

@Module({
  imports: [RunsModule],
  controllers: [ReportsController, ArtifactsController, BlobsController],
  providers: [
    {
      provide: StorageSettings,
      useFactory: ({ artifactLimitBytes, cacheLimitBytes, cacheTeamBytes, cacheDays }: Config) =>
        new StorageSettings({
          artifactBytes: artifactLimitBytes,
          cacheBytes: cacheLimitBytes,
          cacheTeamBytes,
          cacheDays,
        }),
      inject: [Config],
    },
    {
      provide: BlobLinks,
      useFactory: (config: Config, clock: Clock) => new BlobLinks(loadMasterKey(config.masterKey), clock),
      inject: [Config, Clock],
    },
    JunitReader,
    StoreJunitReport,
    ListReports,
    ReadTestHistory,
    TransferBlobs,
    LeaveArtifact,
    FindUsedArtifacts,
    UseArtifact,
    FindCachePlace,
    FindCache,
    LeaveCache,
    EvictCaches,
    ListArtifacts,
  ],
  exports: [StoreJunitReport, StorageSettings, LeaveArtifact, FindUsedArtifacts, UseArtifact, FindCache, LeaveCache],
})
export class ArtifactsModule {}
