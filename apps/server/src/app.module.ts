import { Global, Module, type DynamicModule } from '@nestjs/common';
import { ArtifactsModule } from './features/artifacts/index.ts';
import { AuditModule } from './features/audit/index.ts';
import { CatalogModule } from './features/catalog/index.ts';
import { DebugModule } from './features/debug/index.ts';
import { DispatchModule } from './features/dispatch/index.ts';
import { HealthModule } from './features/health/index.ts';
import { IdentityModule } from './features/identity/index.ts';
import { LanesModule } from './features/lanes/index.ts';
import { LiveModule } from './features/live/index.ts';
import { LogsModule } from './features/logs/index.ts';
import { MetricsModule } from './features/metrics/index.ts';
import { PlanningModule } from './features/planning/index.ts';
import { RetentionModule } from './features/retention/index.ts';
import { RunnerApiModule } from './features/runner-api/index.ts';
import { RunsModule } from './features/runs/index.ts';
import { SecretsModule } from './features/secrets/index.ts';
import { StatusesModule } from './features/statuses/index.ts';
import { TargetsModule } from './features/targets/index.ts';
import { WebhooksModule } from './features/webhooks/index.ts';
import { HttpModule } from './platform/http/http.module.ts';
import type { PublicOrigin } from './platform/http/public-origin.ts';
import type { RequestsInFlight } from './platform/http/requests-in-flight.ts';

export interface AppParts {
  /** Global module with the ports and their adapters: database, queue, blobs, clock. */
  readonly platform: DynamicModule;
  readonly origin: PublicOrigin;
  readonly inFlight: RequestsInFlight;
}

/** The one set of mirrors, for whoever reads repositories. */
@Global()
@Module({ imports: [PlanningModule], exports: [PlanningModule] })
class MirrorsModule {}

@Module({})
export class AppModule {
  static forRoot({ platform, origin, inFlight }: AppParts): DynamicModule {
    return {
      module: AppModule,
      imports: [
        platform,
        HttpModule.forRoot(origin, inFlight),
        MirrorsModule,
        AuditModule,
        IdentityModule,
        SecretsModule,
        CatalogModule,
        WebhooksModule,
        PlanningModule,
        RunsModule,
        LanesModule,
        TargetsModule,
        StatusesModule,
        DispatchModule,
        LogsModule,
        ArtifactsModule,
        RunnerApiModule,
        DebugModule,
        LiveModule,
        RetentionModule,
        HealthModule,
        MetricsModule,
      ],
    };
  }
}
