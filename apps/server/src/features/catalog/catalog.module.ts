import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/index.ts';
import { SecretsModule } from '../secrets/index.ts';
import { CatalogController } from './catalog.controller.ts';
import { ConnectRepository } from './connect-repository.ts';
import { Environments } from './environments.ts';
import { Limits } from './limits.ts';
import { ListRepositories } from './list-repositories.ts';
import { LoadPipelines } from './load-pipelines.ts';
import { OpenRepository } from './open-repository.ts';
import { PoolLoads } from './pool-load.ts';
import { Pools } from './pools.ts';
import { RegisterService } from './register-service.ts';
import { RegistrationTokens } from './registration-tokens.ts';
import { RenewHookSecret } from './renew-hook-secret.ts';
import { Runners } from './runners.ts';
import { RunnersController } from './runners.controller.ts';
import { StoreEnvironment } from './store-environment.ts';
import { StoreLimit } from './store-limit.ts';
import { Teams } from './teams.ts';

@Module({
  imports: [AuditModule, SecretsModule],
  controllers: [CatalogController, RunnersController],
  providers: [
    Teams,
    ListRepositories,
    ConnectRepository,
    RenewHookSecret,
    OpenRepository,
    RegisterService,
    StoreEnvironment,
    Environments,
    StoreLimit,
    Limits,
    Pools,
    PoolLoads,
    RegistrationTokens,
    Runners,
    LoadPipelines,
  ],
  exports: [OpenRepository, LoadPipelines, Pools, PoolLoads, RegistrationTokens],
})
export class CatalogModule {}
