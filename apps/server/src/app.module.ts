import { Module, type DynamicModule } from '@nestjs/common';
import { AuditModule } from './features/audit/index.ts';
import { CatalogModule } from './features/catalog/index.ts';
import { HealthModule } from './features/health/index.ts';
import { IdentityModule } from './features/identity/index.ts';
import { LiveModule } from './features/live/index.ts';
import { SecretsModule } from './features/secrets/index.ts';
import { HttpModule } from './platform/http/http.module.ts';
import type { PublicOrigin } from './platform/http/public-origin.ts';
import type { RequestsInFlight } from './platform/http/requests-in-flight.ts';

export interface AppParts {
  /** Global module with the ports and their adapters: database, queue, blobs, clock. */
  readonly platform: DynamicModule;
  readonly origin: PublicOrigin;
  readonly inFlight: RequestsInFlight;
}

@Module({})
export class AppModule {
  static forRoot({ platform, origin, inFlight }: AppParts): DynamicModule {
    return {
      module: AppModule,
      imports: [
        platform,
        HttpModule.forRoot(origin, inFlight),
        AuditModule,
        IdentityModule,
        SecretsModule,
        CatalogModule,
        LiveModule,
        HealthModule,
      ],
    };
  }
}
