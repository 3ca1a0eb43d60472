import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import type { World } from './world.ts';

/** A connection to the installation's database, to read what the product has stored; the caller ends it. */
export async function openDatabase({ folder, stores }: World): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: stores.database?.url ?? embeddedAddress(join(folder, 'data-1')) });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

/** The embedded server's port stands in its own file, the password beside its data. */
function embeddedAddress(dataDir: string): string {
  const home = join(dataDir, 'postgres');
  const port = readFileSync(join(home, 'cluster/postmaster.pid'), 'utf8').split('\n')[3];
  const password = readFileSync(join(home, 'password'), 'utf8').trim();
  return `postgres://sluice:${password}@127.0.0.1:${port}/sluice`;
}
