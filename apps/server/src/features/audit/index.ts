export { AuditModule } from './audit.module.ts';
export { Audit } from './audit.ts';
export { ChainHead } from './chain-head.ts';
export { verifyChain, verifyLinks } from './verify-chain.ts';
export { TrimAudit } from './trim-audit.ts';
