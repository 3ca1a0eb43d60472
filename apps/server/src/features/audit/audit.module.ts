import { Module } from '@nestjs/common';
import { Config } from '../../platform/config/config.ts';
import { loadMasterKey } from '../../platform/config/load-master-key.ts';
import { Audit } from './audit.ts';
import { AuditController } from './audit.controller.ts';
import { ChainHead } from './chain-head.ts';
import { CheckAudit } from './check-audit.ts';
import { ListAudit } from './list-audit.ts';
import { TrimAudit } from './trim-audit.ts';

@Module({
  controllers: [AuditController],
  providers: [
    {
      provide: ChainHead,
      useFactory: (config: Config) => new ChainHead(loadMasterKey(config.masterKey)),
      inject: [Config],
    },
    Audit,
    ListAudit,
    CheckAudit,
    TrimAudit,
  ],
  exports: [Audit, TrimAudit],
})
export class AuditModule {}
