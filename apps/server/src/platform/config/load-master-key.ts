import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { MasterKeyPlace } from './config.ts';

/** Reads the key, or makes it at the first start of a standalone server. Throws one sentence with the remedy. */
export function loadMasterKey(place: MasterKeyPlace): Buffer {
  if (place.kind === 'value') return decode(place.text, 'SLUICE_MASTER_KEY');
  try {
    const mode = statSync(place.path).mode & 0o077;
    if (mode !== 0 && place.generate)
      throw new Error(`The master key file ${place.path} can be read by others; run: chmod 600 ${place.path}`);
    return decode(readFileSync(place.path, 'utf8').trim(), place.path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  if (!place.generate)
    throw new Error(
      `The master key file ${place.path} does not exist; put 64 hex digits there, made with: openssl rand -hex 32`,
    );
  mkdirSync(dirname(place.path), { recursive: true, mode: 0o700 });
  const key = randomBytes(32);
  writeFileSync(place.path, `${key.toString('hex')}\n`, { mode: 0o600, flag: 'wx', flush: true });
  return key;
}

function decode(text: string, where: string): Buffer {
  const key = /^[0-9a-f]{64}$/i.test(text) ? Buffer.from(text, 'hex') : Buffer.from(text, 'base64');
  if (key.length !== 32)
    throw new Error(`${where} does not hold 32 bytes as hex or base64; make a key with: openssl rand -hex 32`);
  return key;
}
