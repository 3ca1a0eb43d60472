import { sql, type Kysely } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDatabase, type Db } from './database.ts';
import { migrateDatabase } from './migrate.ts';
import { testDatabase, type TestDatabase } from './testing/test-database.ts';

let database: TestDatabase;
let empty: Db;
beforeEach(async () => {
  database = await testDatabase();
  await sql`drop schema public cascade; create schema public`.execute(database.db);
  empty = patient(5);
});
afterEach(async () => {
  await empty.destroy();
  await database.close();
});

/** As at a start: who waits for another replica's migrations waits as long as they take. */
const patient = (max: number) => openDatabase(database.url, max, undefined, {});

describe('migrate', () => {
  it('F44 a migration that fails leaves nothing behind, and says which one', async () => {
    const migrations = {
      '0001-first': { up: (db: Kysely<unknown>) => sql`create table first (n int)`.execute(db).then(() => undefined) },
      '0002-second': {
        up: (db: Kysely<unknown>) => sql`create table second (n int); select 1 / 0`.execute(db).then(() => undefined),
      },
    };
    await expect(migrateDatabase(empty, migrations)).rejects.toThrow(
      'The database migration 0002-second failed and was rolled back: division by zero.',
    );
    const { rows } = await sql<{
      name: string;
    }>`select table_name as name from information_schema.tables where table_schema = 'public' and table_name in ('first', 'second')`.execute(
      empty,
    );
    expect(rows).toEqual([]);
  });

  it('several replicas migrate at once: one does, the others wait', async () => {
    const others = [patient(2), patient(2)];
    try {
      const applied = await Promise.all([empty, ...others].map((db) => migrateDatabase(db)));
      expect(applied.filter((names) => names.length > 0)).toHaveLength(1);
    } finally {
      await Promise.all(others.map((db) => db.destroy()));
    }
  });

  it.each([
    ['nobody listens', () => 'postgres://u:p@127.0.0.1:1/x'],
    ['nobody listens at any address of the name', () => 'postgres://u:p@localhost:1/x'],
    ['there is no such database', () => database.url.replace(/\/[^/]*$/, '/not-there')],
  ])('says that the database cannot be used when %s, and not that its version is wrong', async (_, url) => {
    const unusable = openDatabase(url(), 1);
    try {
      await expect(migrateDatabase(unusable)).rejects.toThrow(
        /^The database cannot be used: \w.*\. See that it runs, /,
      );
    } finally {
      await unusable.destroy();
    }
  });

  it('F45 refuses a database that a newer version made, in one sentence', async () => {
    const newer = { '0001-first': { up: () => Promise.resolve() }, '9999-newer': { up: () => Promise.resolve() } };
    await migrateDatabase(empty, newer);
    await expect(migrateDatabase(empty, { '0001-first': { up: () => Promise.resolve() } })).rejects.toThrow(
      /does not fit this version of Sluice.*9999-newer/,
    );
  });
});
