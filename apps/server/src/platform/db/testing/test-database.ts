import { randomBytes } from 'node:crypto';
import { sql } from 'kysely';
import pg from 'pg';
import { Transactions } from '../transactions.ts';
import { openDatabase, type Db } from '../database.ts';
import { migratedTemplate } from './migrated-template.ts';
import { sharedPostgres } from './shared-postgres.ts';

export interface TestDatabase {
  readonly db: Db;
  /** For a second pool, a queue or a raw client on the same database. */
  readonly url: string;
  readonly transactions: Transactions;
  /** Between two tests: no team, pool or message is left, nor what hangs on them. A server at work may be in the way for a moment. */
  empty(): Promise<void>;
  /** Closes the pool and drops the database, if it was made here. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * A fresh, migrated database of its own for one spec file, cloned from a template on one PostgreSQL that all spec files
 * of this machine share. It is the embedded one, or the server of `SLUICE_TEST_DATABASE_URL` (a superuser's address).
 *
 *   const database = await testDatabase();   // beforeAll
 *   await database.close();                  // afterAll
 */
export async function testDatabase({ max = 10 }: { max?: number } = {}): Promise<TestDatabase> {
  const server = process.env['SLUICE_TEST_DATABASE_URL'] ?? (await sharedPostgres());
  const template = await migratedTemplate(server);
  const name = `spec_${process.pid}_${randomBytes(6).toString('hex')}`;
  await administer(server, `create database "${name}" template "${template}"`);
  const database = databaseOn(databaseUrl(server, name), max);
  const close = async () => {
    await database.close();
    await administer(server, `drop database if exists "${name}" with (force)`);
  };
  return { ...database, close, [Symbol.asyncDispose]: close };
}

/** One that lies elsewhere already; closing it leaves it there. */
export function databaseOn(url: string, max = 10): TestDatabase {
  const db = openDatabase(url, max);
  const transactions = new Transactions(db);
  const empty = async () => {
    await transactions.run(({ tx }) => sql`truncate teams, pools, outbox cascade`.execute(tx));
  };
  const close = () => db.destroy();
  return { db, url, transactions, empty, close, [Symbol.asyncDispose]: close };
}

export function databaseUrl(server: string, name: string): string {
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}

async function administer(server: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: server });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
