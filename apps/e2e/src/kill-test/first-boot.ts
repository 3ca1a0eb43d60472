import { join } from 'node:path';
import { eventually, freePort, openSession, ServerProcess } from '@sluice/testing';
import pg from 'pg';
import type { World } from '../world/world.ts';
import { embeddedAddress } from '../world/read-database.ts';
import { FIRST_BOOT } from './chains.ts';
import { KilledServers } from './killed-servers.ts';
import { readRows, type Rows } from './rows.ts';

const ADMIN = { email: 'first@example.com', name: 'First Admin', password: 'known-to-nobody-else-42' };

/** What an installation holds once its first person has signed up. */
const QUERIES: Readonly<Record<string, string>> = {
  schema: `select table_name, column_name, data_type, is_nullable, column_default is not null as has_default from information_schema.columns
             where table_schema = 'public' and table_name not like 'bullmq%' order by 1, 2`,
  indexes: `select indexname, indexdef from pg_indexes where schemaname = 'public' and indexname not like 'bullmq%' order by 1`,
  migrations: `select name from kysely_migration order by 1`,
  people: `select email, name, system_admin from users order by 1`,
  identities: `select kind, value from user_identities order by 1, 2`,
  'audit entries': `select action, count(*)::int as times from audit_entries group by 1 order by 1`,
  'set-up links': `select key from settings where key like 'setup%' order by 1`,
  'messages on their way': `select count(*)::int as times from outbox`,
};

/**
 * Brings a new installation of the world's mode up and signs the first person up; `killed`: at every failpoint on that way.
 * Its database is its own: a second one of the distributed mode's server, or another embedded one.
 */
export async function bootOnce(
  world: World,
  name: string,
  killed: boolean,
): Promise<{ readonly rows: Rows; readonly killedAt: readonly string[]; readonly trouble: readonly string[] }> {
  const database = await newDatabase(world, name);
  const ports = await Promise.all(world.servers.replicas.map(() => freePort()));
  const replicas = ports.map(
    (port, index) =>
      new ServerProcess({
        root: world.root,
        port,
        dataDir: join(world.folder, `${name}-${index + 1}`),
        logFile: join(world.folder, `${name}-${index + 1}.log`),
        env: {
          ...world.stores.env,
          ...(database !== undefined && { DATABASE_URL: database, REDIS_URL: `${world.stores.redis?.url}/1` }),
          PUBLIC_URL: `http://127.0.0.1:${ports[0]}`,
          SLUICE_RUNNER: 'off',
        },
      }),
  );
  const servers = new KilledServers(replicas, killed ? FIRST_BOOT : [], {});
  try {
    await servers.begin();
    await eventually(() => signUp(replicas), {
      timeoutMs: 90_000,
      everyMs: 100,
      describe: 'the first person to sign up',
    });
    await servers.end();
    const address = database ?? embeddedAddress(join(world.folder, `${name}-1`));
    const client = new pg.Client({ connectionString: address });
    await client.connect();
    try {
      await eventually(async () => (await client.query('select 1 from outbox')).rowCount === 0, {
        timeoutMs: 20_000,
        describe: 'every message to be delivered',
      });
      return { rows: await readRows(client, QUERIES, []), killedAt: servers.killedAt, trouble: servers.trouble };
    } finally {
      await client.end();
    }
  } finally {
    await servers.end();
    await Promise.all(replicas.map((replica) => replica.stop()));
  }
}

/** Whoever got no answer looks at the console for the newest link; whoever is in the books already signs in. */
async function signUp(replicas: readonly ServerProcess[]): Promise<boolean> {
  const up = replicas.find(({ pid }) => pid !== undefined);
  if (up === undefined) return false;
  for (const replica of replicas) {
    const token = replica.setupToken();
    if (token === undefined) continue;
    const made = await openSession(up.url, '/setup', { token, ...ADMIN }).catch((error: Error) => error);
    if (!(made instanceof Error)) return true;
  }
  await openSession(up.url, '/session', { email: ADMIN.email, password: ADMIN.password });
  return true;
}

async function newDatabase({ stores }: World, name: string): Promise<string | undefined> {
  if (stores.database === undefined) return undefined;
  const address = new URL(stores.database.url);
  const client = new pg.Client({ connectionString: address.href });
  await client.connect();
  try {
    await client.query(`create database ${pg.escapeIdentifier(name)}`);
  } finally {
    await client.end();
  }
  address.pathname = `/${name}`;
  return address.href;
}
