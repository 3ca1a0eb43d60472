import { sql } from 'kysely';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { json, openDatabase, type Db } from './database.ts';
import { testDatabase, type TestDatabase } from './testing/test-database.ts';

let database: TestDatabase;
let db: Db;
const idleErrors: string[] = [];

beforeAll(async () => {
  database = await testDatabase();
  db = openDatabase(database.url, 2, (error) => idleErrors.push(error.message));
});
afterAll(async () => {
  await db.destroy();
  await database.close();
});

const pidOf = async (from: Db) =>
  (await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(from)).rows[0]!.pid;

// An exception that nobody catches ends the process, and here the test run.
it('F35: a connection that breaks between two queries of a transaction fails that transaction alone', async () => {
  const broken = db.transaction().execute(async (tx) => {
    const pid = await pidOf(tx);
    await sql`select pg_terminate_backend(${pid}::int, 5000)`.execute(database.db);
    const query = () =>
      sql`select 1`.execute(tx).then(
        () => 'answered',
        () => 'broken',
      );
    await expect.poll(query, { timeout: 10_000 }).toBe('broken');
    await sql`select 1`.execute(tx);
  });
  await expect(broken).rejects.toThrow(/connection/i);
  expect(await pidOf(db)).toBeGreaterThan(0);
});

it.each([
  ['NUL', 'a\0b', 'a\ufffdb'],
  ['half a character', 'a\ud83d', 'a\ufffd'],
  ['escapes that only look like it', String.raw`a\u0000b \ud83d \\u0000`, String.raw`a\u0000b \ud83d \\u0000`],
  ['a whole one', '😀', '😀'],
])('stores text with %s', async (_, text, stored) => {
  const value = { text, list: [{ text }], count: 1, nothing: null };
  const { rows } = await sql<{ value: unknown }>`select ${json(value)}::jsonb as value`.execute(db);
  expect(rows[0]!.value).toEqual({ text: stored, list: [{ text: stored }], count: 1, nothing: null });
});
