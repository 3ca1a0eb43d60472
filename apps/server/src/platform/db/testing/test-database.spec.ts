import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testDatabase, type TestDatabase } from './test-database.ts';

describe('test database', () => {
  let one: TestDatabase;
  let two: TestDatabase;
  beforeAll(async () => {
    [one, two] = await Promise.all([testDatabase(), testDatabase()]);
  });
  afterAll(async () => {
    await Promise.all([one.close(), two.close()]);
  });

  it('gives each spec a migrated database of its own', async () => {
    await one.db
      .insertInto('teams')
      .values({ id: '018f0000-0000-7000-8000-000000000001', slug: 'accounts', title: 'Accounts' })
      .execute();
    expect(await one.db.selectFrom('teams').selectAll().execute()).toHaveLength(1);
    expect(await two.db.selectFrom('teams').selectAll().execute()).toHaveLength(0);
  });

  it('runs on a PostgreSQL no older than 15', async () => {
    const { rows } = await sql<{ server_version_num: string }>`show server_version_num`.execute(one.db);
    expect(Number(rows[0]?.server_version_num)).toBeGreaterThanOrEqual(150_000);
  });
});
