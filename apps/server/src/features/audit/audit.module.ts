import { Module } from '@nestjs/common';
import { Audit } from './audit.ts';
import { AuditController } from './audit.controller.ts';
import { ListAudit } from './list-audit.ts';

@Module({ controllers: [AuditController], providers: [Audit, ListAudit], exports: [Audit] })
export class AuditModule {}
