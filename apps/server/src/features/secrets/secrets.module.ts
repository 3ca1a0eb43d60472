import { Module } from '@nestjs/common';
import { Config } from '../../platform/config/config.ts';
import { AuditModule } from '../audit/index.ts';
import { CheckMasterKey } from './check-master-key.ts';
import { DeleteSecret } from './delete-secret.ts';
import { ListSecrets } from './list-secrets.ts';
import { loadMasterKey } from '../../platform/config/load-master-key.ts';
import { PutSecret } from './put-secret.ts';
import { ReadSecrets } from './read-secrets.ts';
import { RegistryCredentials } from './registry-credentials.ts';
import { Sealer } from './sealer.ts';
import { SecretsController } from './secrets.controller.ts';

@Module({
  imports: [AuditModule],
  controllers: [SecretsController],
  providers: [
    { provide: Sealer, useFactory: (config: Config) => new Sealer(loadMasterKey(config.masterKey)), inject: [Config] },
    CheckMasterKey,
    ReadSecrets,
    PutSecret,
    DeleteSecret,
    ListSecrets,
    RegistryCredentials,
  ],
  exports: [Sealer, ReadSecrets, RegistryCredentials],
})
export class SecretsModule {}
