import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { testDatabase, type TestDatabase } from '../../platform/db/testing/test-database.ts';
import { Audit } from './audit.ts';
import { ChainHead } from './chain-head.ts';
import { AuditDamagedError, TrimAudit } from './trim-audit.ts';
import { verifyChain } from './verify-chain.ts';

const key = new ChainHead(Buffer.alloc(32, 1));
const audit = new Audit(key);
/** So late that every entry is due, and was for more than a week. */
const LATER = new Date(Date.now() + 30 * 86_400_000);
let database: TestDatabase;
let trimmer: TrimAudit;
beforeEach(async () => {
  database = await testDatabase();
  trimmer = new TrimAudit(database.db, database.transactions, key, audit);
});
afterEach(() => database.close());

async function write(count: number): Promise<void> {
  for (let at = 0; at < count; at += 1)
    await database.transactions.run((unit) =>
      audit.record(unit, {
        teamId: null,
        actor: { kind: 'user', userId: 'u', name: 'Ada' },
        action: 'thing.do',
        subject: `thing:${at}`,
        detail: {},
      }),
    );
}
const check = () => verifyChain(database.db, key);

describe('I27 a chain of which the beginning was removed', () => {
  it('can still be checked, says what is gone, and goes on', async () => {
    await write(5);
    expect(await trimmer.trim(LATER)).toBe(5);
    // The last entry was kept, and the removal itself is on record.
    expect(await check()).toMatchObject({
      kind: 'intact',
      entries: 7,
      removed: { entries: 5 },
      message: expect.stringContaining('the 5 before were checked and removed by retention'),
    });
    await write(2);
    expect(await check()).toMatchObject({ kind: 'intact', entries: 9 });
    expect(await trimmer.trim(LATER)).toBe(3);
    expect(await check()).toMatchObject({ kind: 'intact', entries: 10, removed: { entries: 8 } });
  });

  it('waits until it is worth an entry of its own', async () => {
    await write(3);
    expect(await trimmer.trim(new Date(Date.now() + 60_000))).toBe(0);
    expect(await check()).toMatchObject({ kind: 'intact', entries: 4 });
  });

  it('shows one more entry cut off its beginning', async () => {
    await write(5);
    await trimmer.trim(LATER);
    await write(1);
    await sql`delete from audit_entries where sequence = (select min(sequence) from audit_entries)`.execute(
      database.db,
    );
    expect(await check()).toMatchObject({ kind: 'broken' });
  });

  it('shows a start that was moved or removed', async () => {
    await write(5);
    await trimmer.trim(LATER);
    await write(3);
    await sql`update audit_start set (entries, sequence, hash) = (
      select audit_start.entries + 1, sequence, hash from audit_entries order by sequence limit 1)`.execute(
      database.db,
    );
    await sql`delete from audit_entries where sequence <= (select sequence from audit_start)`.execute(database.db);
    expect(await check()).toMatchObject({ kind: 'forged' });
    await expect(trimmer.trim(LATER)).rejects.toThrow(AuditDamagedError);
    await sql`delete from audit_start`.execute(database.db);
    expect(await check()).toMatchObject({ kind: 'broken' });
  });

  it('shows an older start put back', async () => {
    await write(5);
    await trimmer.trim(LATER);
    await sql`create table kept as select * from audit_start`.execute(database.db);
    await write(5);
    await trimmer.trim(LATER);
    await sql`delete from audit_start; insert into audit_start select * from kept`.execute(database.db);
    expect(await check()).toMatchObject({ kind: 'broken' });
  });

  it('is not trimmed where an entry was changed: that would wipe away what shows it', async () => {
    await write(5);
    await sql`update audit_entries set subject = 'thing:else' where sequence = (select min(sequence) + 2 from audit_entries)`.execute(
      database.db,
    );
    await expect(trimmer.trim(LATER)).rejects.toThrow(/was changed/);
    expect(await check()).toMatchObject({ kind: 'broken', entries: 2 });
  });

  it('is trimmed once by two who try at the same time', async () => {
    await write(8);
    const other = new TrimAudit(database.db, database.transactions, key, audit);
    const removed = await Promise.all([trimmer.trim(LATER), other.trim(LATER)]);
    expect(removed.toSorted()[0] === 0 || removed.every((count) => count > 0)).toBe(true);
    expect(await check()).toMatchObject({ kind: 'intact' });
  });
});
