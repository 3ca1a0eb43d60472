import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually, startFaultProxy, type FaultProxy } from '@sluice/testing';
import { answeringSocket } from './answering-socket.ts';
import { PgNotifications } from './database-notifications.ts';
import { openDatabase, type Db } from './database.ts';
import { Transactions } from './transactions.ts';
import { testDatabase, type TestDatabase } from './testing/test-database.ts';

const SILENCE_MS = 1_500;

let database: TestDatabase;
let proxy: FaultProxy;
/** Through the proxy, and soon tired of silence. */
let db: Db;

beforeAll(async () => {
  database = await testDatabase();
  await sql`create table counters (name text primary key, value integer not null)`.execute(database.db);
});
afterAll(() => database.close());
beforeEach(async () => {
  await sql`truncate counters`.execute(database.db);
  await sql`insert into counters values ('x', 0), ('y', 0)`.execute(database.db);
  proxy = await startFaultProxy({ port: Number(new URL(database.url).port) });
  db = openDatabase(throughProxy(), 3, undefined, { stream: () => answeringSocket(SILENCE_MS) });
});
afterEach(async () => {
  await db.destroy();
  await proxy.stop();
});

function throughProxy(): string {
  const url = new URL(database.url);
  url.port = String(proxy.port);
  return url.href;
}

const valueOf = async (name: string) =>
  (await sql<{ value: number }>`select value from counters where name = ${name}`.execute(database.db)).rows[0]!.value;
const add = (name: string) => sql`update counters set value = value + 1 where name = ${name}`;

describe('a connection to PostgreSQL', () => {
  it('F19 F35 that is half open fails whoever waits on it, and the pool makes another', async () => {
    await sql`select 1`.execute(db);
    proxy.set({ halfOpen: true });
    await expect(sql`select 1`.execute(db)).rejects.toThrow(/said nothing for|terminated/);
    proxy.set({});
    expect((await sql<{ one: number }>`select 1 as one`.execute(db)).rows).toEqual([{ one: 1 }]);
  });

  it('F19 that only listens is found dead too, and made anew', async () => {
    const lost: string[] = [];
    const heard: string[] = [];
    const listener = new PgNotifications(throughProxy(), database.db, (error) => lost.push(error.message), SILENCE_MS);
    try {
      await listener.listen('faults', (payload) => heard.push(payload));
      proxy.set({ lose: 'received' });
      await eventually(() => lost.length > 0, { describe: 'the loss of the listening connection' });
      proxy.set({});
      await eventually(
        async () => {
          await listener.notify('faults', 'again');
          return heard.includes('again');
        },
        { timeoutMs: 20_000, describe: 'a notification after it' },
      );
      expect(lost[0]).toMatch(/said nothing for/);
    } finally {
      await listener.close();
    }
  });

  it('F36 that is cut between the commit and its answer fails the caller, once, and what was committed stays', async () => {
    const transactions = new Transactions(db);
    let tries = 0;
    let told = 0;
    const unknown = transactions.run(async ({ tx, afterCommit }) => {
      tries += 1;
      afterCommit(() => void (told += 1));
      await add('x').execute(tx);
      proxy.set({ lose: 'received' });
    });
    unknown.catch(() => undefined);
    await eventually(async () => (await valueOf('x')) === 1, { describe: 'the commit' });
    proxy.cutAll();
    await expect(unknown).rejects.toThrow(/terminated|ECONNRESET|connection error/);
    expect({ tries, told, value: await valueOf('x') }).toEqual({ tries: 1, told: 0, value: 1 });
  });
});

describe('transactions that are in each other’s way', () => {
  it('F37 of two that lock in opposite order both are carried out, the one that gave way from its beginning', async () => {
    const transactions = new Transactions(database.db);
    const bothHold = Promise.withResolvers<void>();
    let holding = 0;
    let tries = 0;
    let told = 0;
    const update = (first: string, second: string) =>
      transactions.run(async ({ tx, afterCommit }) => {
        tries += 1;
        afterCommit(() => void (told += 1));
        await add(first).execute(tx);
        holding += 1;
        if (holding === 2) bothHold.resolve();
        await bothHold.promise;
        await add(second).execute(tx);
      });
    await Promise.all([update('x', 'y'), update('y', 'x')]);
    expect({ x: await valueOf('x'), y: await valueOf('y'), tries, told }).toEqual({ x: 2, y: 2, tries: 3, told: 2 });
  });

  it('F37 serialisation failures are tried again as well', async () => {
    const transactions = new Transactions(database.db);
    const bothRead = Promise.withResolvers<void>();
    let read = 0;
    let tries = 0;
    const increment = () =>
      transactions.run(async ({ tx }) => {
        tries += 1;
        await sql`set transaction isolation level serializable`.execute(tx);
        const { rows } = await sql<{ value: number }>`select value from counters where name = 'x'`.execute(tx);
        read += 1;
        if (read === 2) bothRead.resolve();
        await bothRead.promise;
        await sql`update counters set value = ${rows[0]!.value + 1} where name = 'x'`.execute(tx);
      });
    await Promise.all([increment(), increment()]);
    expect(await valueOf('x')).toBe(2);
    expect(tries).toBeGreaterThan(2);
  });

  it('F37 what fails five times is given up, with its own error', async () => {
    let tries = 0;
    const always = new Transactions(database.db).run(async ({ tx }) => {
      tries += 1;
      await sql`do $$ begin raise exception using errcode = '40001', message = 'again'; end $$`.execute(tx);
    });
    await expect(always).rejects.toMatchObject({ code: '40001' });
    expect(tries).toBe(5);
  });
});
