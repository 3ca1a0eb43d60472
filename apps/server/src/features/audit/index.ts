export { AuditModule } from './audit.module.ts';
export { Audit, type AuditRecord } from './audit.ts';
export { verifyChain, type ChainCheck } from './verify-chain.ts';
