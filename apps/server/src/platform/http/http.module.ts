import { Global, Module, type DynamicModule } from '@nestjs/common';
import { APP_FILTER, APP_GUARD } from '@nestjs/core';
import { ORPCModule } from '@orpc/nest';
import { AccessGuard } from './access-guard.ts';
import { DocsController } from './docs.controller.ts';
import { orpcOptions } from './orpc-options.ts';
import { ProblemFilter } from './problem-filter.ts';
import { PublicOrigin } from './public-origin.ts';
import { RequestsInFlight } from './requests-in-flight.ts';
import { WaitForRequests } from './wait-for-requests.ts';

@Global()
@Module({})
export class HttpModule {
  static forRoot(origin: PublicOrigin, inFlight: RequestsInFlight): DynamicModule {
    return {
      module: HttpModule,
      imports: [ORPCModule.forRoot(orpcOptions)],
      controllers: [DocsController],
      providers: [
        { provide: PublicOrigin, useValue: origin },
        { provide: RequestsInFlight, useValue: inFlight },
        { provide: APP_GUARD, useClass: AccessGuard },
        { provide: APP_FILTER, useClass: ProblemFilter },
        WaitForRequests,
      ],
      exports: [PublicOrigin, RequestsInFlight],
    };
  }
}
