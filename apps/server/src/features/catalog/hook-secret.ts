import { randomBytes } from 'node:crypto';

/** 256 bits; as hexadecimal, because some forges take nothing else. */
export function newHookSecret(): string {
  return randomBytes(32).toString('hex');
}
