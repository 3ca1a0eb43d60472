import { sql } from 'kysely';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '@sluice/testing';
import { PgNotifications } from './database-notifications.ts';
import { testDatabase, type TestDatabase } from './testing/test-database.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.close());

it('F35 carries hints between processes, and listens again after its connection was killed', async () => {
  const [one, two] = [new PgNotifications(database.url, database.db), new PgNotifications(database.url, database.db)];
  try {
    const heard: string[] = [];
    let reconnected = 0;
    one.onReconnect(() => (reconnected += 1));
    await Promise.all([
      one.listen('first', (payload) => heard.push(`first ${payload}`)),
      one.listen('second', (payload) => heard.push(`second ${payload}`)),
    ]);
    await two.notify('first', 'a');
    await two.notify('second', 'b');
    await eventually(() => heard.length === 2);
    expect(heard).toEqual(['first a', 'second b']);
    await sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'sluice-listen' and datname = current_database()`.execute(
      database.db,
    );
    await eventually(() => reconnected === 1);
    await two.notify('second', 'c');
    await eventually(() => heard.includes('second c'));
  } finally {
    await Promise.all([one.close(), two.close()]);
  }
});

it('refuses a channel name that is not plain', async () => {
  const one = new PgNotifications(database.url, database.db);
  await expect(one.listen('x; drop table runs', () => undefined)).rejects.toThrow(TypeError);
});
