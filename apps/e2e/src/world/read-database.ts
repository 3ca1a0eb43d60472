import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import type { World } from './world.ts';

/** Reads what the product has stored. A connection for each look: the embedded server may be another one since the last. */
export async function readDatabase<T>(
  { folder, stores }: World,
  read: (database: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({ connectionString: stores.database?.url ?? embeddedAddress(join(folder, 'data-1')) });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await read(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** The embedded server's port stands in its own file, the password beside its data. */
export function embeddedAddress(dataDir: string): string {
  const home = join(dataDir, 'postgres');
  const port = readFileSync(join(home, 'cluster/postmaster.pid'), 'utf8').split('\n')[3];
  const password = readFileSync(join(home, 'password'), 'utf8').trim();
  return `postgres://sluice:${password}@127.0.0.1:${port}/sluice`;
}
