import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sql } from 'kysely';
import { testDatabase, type TestDatabase } from '../../platform/db/testing/test-database.ts';
import { Audit } from './audit.ts';
import { ChainHead } from './chain-head.ts';
import { FIRST_HASH, hashEntry } from './hash-entry.ts';
import { verifyChain } from './verify-chain.ts';

const key = new ChainHead(Buffer.alloc(32, 1));
const audit = new Audit(key);
let database: TestDatabase;
beforeEach(async () => {
  database = await testDatabase();
});
afterEach(() => database.close());

async function write(count: number, by = audit): Promise<void> {
  for (let at = 0; at < count; at += 1)
    await database.transactions.run((unit) =>
      by.record(unit, {
        teamId: null,
        actor: { kind: 'user', userId: 'u', name: 'Ada' },
        action: 'thing.do',
        subject: `thing:${at}`,
        detail: { at },
      }),
    );
}
const check = async () => verifyChain(database.db, key);
const cutTail = async (rows: number) =>
  sql`delete from audit_entries where sequence in (select sequence from audit_entries order by sequence desc limit ${rows})`.execute(
    database.db,
  );

describe('I27 the chain of audit entries', () => {
  it('is intact when nothing was written, and after each entry', async () => {
    expect(await check()).toMatchObject({ kind: 'intact', entries: 0 });
    await write(3);
    // Each chain begins with the entry of its seal.
    expect(await check()).toMatchObject({ kind: 'intact', entries: 4 });
  });

  it('a cut-off tail shows, also after the server went on writing', async () => {
    await write(4);
    await cutTail(2);
    expect(await check()).toEqual({
      kind: 'cut',
      entries: 3,
      message: 'The chain ends after 3 entries; 5 were written. Its last ones were cut off.',
      head: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    await write(1);
    expect(await check()).toMatchObject({ kind: 'broken' });
  });

  it('all entries removed shows', async () => {
    await write(2);
    await cutTail(99);
    expect(await check()).toMatchObject({ kind: 'cut', entries: 0 });
  });

  it('a tail replaced by entries with right hashes shows', async () => {
    await write(3);
    await cutTail(1);
    const foreign = new Audit(new ChainHead(Buffer.alloc(32, 2)));
    const { rows } = await sql<{ seal: string }>`select seal from audit_head`.execute(database.db);
    // The head as the forger would need it, with the only seal they have: the old one.
    await sql`update audit_head set entries = 3, hash = (select hash from audit_entries order by sequence desc limit 1)`.execute(
      database.db,
    );
    expect(await check()).toMatchObject({ kind: 'forged' });
    await write(1, foreign);
    await sql`update audit_head set seal = ${rows[0]!.seal}`.execute(database.db);
    expect(await check()).toMatchObject({ kind: 'forged' });
  });

  it('a changed seal is marked for ever, and the server goes on writing', async () => {
    await write(2);
    await sql`update audit_head set entries = entries - 1`.execute(database.db);
    await write(2);
    expect(await check()).toMatchObject({
      kind: 'forged',
      message: 'The seal of the chain was changed after 3 entries.',
    });
  });

  it('a removed seal shows at once, and after it came back', async () => {
    await write(3);
    await cutTail(1);
    await sql`delete from audit_head`.execute(database.db);
    expect(await check()).toMatchObject({ kind: 'unsealed' });
    await write(1);
    expect(await check()).toMatchObject({ kind: 'forged', message: expect.stringMatching(/removed once: entry \d+/) });
  });

  it('a chain of a version without seals is taken over, and says from where it is sealed', async () => {
    const entry = {
      at: '2026-01-01T00:00:00.000Z',
      teamId: null,
      actor: { kind: 'system' as const, name: 'x' },
      action: 'old.entry',
      subject: 'x',
      detail: {},
    };
    await sql`insert into audit_entries (at, actor, action, subject, previous_hash, hash)
      values (${entry.at}, ${JSON.stringify(entry.actor)}, 'old.entry', 'x', ${FIRST_HASH}, ${hashEntry(FIRST_HASH, entry)})`.execute(
      database.db,
    );
    await write(1);
    expect(await check()).toMatchObject({
      kind: 'intact',
      entries: 3,
      message: expect.stringContaining('since entry 1'),
    });
  });

  it('many writers at once make one chain', async () => {
    await Promise.all(Array.from({ length: 10 }, () => write(3)));
    expect(await check()).toMatchObject({ kind: 'intact', entries: 31 });
  });

  it('entries written while it is read do not confuse it', async () => {
    await write(1);
    const [one] = await Promise.all([check(), write(5), check()]);
    expect(one.kind).toBe('intact');
  });
});
