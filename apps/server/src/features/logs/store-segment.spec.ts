import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testDatabase, type TestDatabase } from '../../platform/db/testing/test-database.ts';
import { MemoryBlobs } from '../../testing/memory-blobs.ts';
import { LogSettings } from './log-settings.ts';
import { leasedAttempt, LogBench } from './testing/log-bench.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.close());

const small = new LogSettings({ segmentBytes: 80, orphanSeconds: 60 });
const lines = (from: number, count: number) =>
  Buffer.from(Array.from({ length: count }, (_, index) => `line ${String(from + index).padStart(4, '0')}\n`).join(''));
const segmentsOf = (attemptId: string) =>
  database.db
    .selectFrom('log_segments')
    .selectAll()
    .where('attempt_id', '=', attemptId)
    .orderBy('start_offset')
    .execute();
const putsOf = (attemptId: string) =>
  database.db.selectFrom('log_puts').select('blob_key').where('blob_key', 'like', `logs/${attemptId}/%`).execute();
const age = (attemptId: string, seconds: number) =>
  database.db
    .updateTable('log_puts')
    .set({ begun_at: sql<Date>`now() - ${seconds} * interval '1 second'` })
    .where('blob_key', 'like', `logs/${attemptId}/%`)
    .execute();

/** Dies, as far as the database can tell, once the object is safe. */
class DyingBlobs extends MemoryBlobs {
  dies = true;
  override async draft() {
    const draft = await super.draft();
    const keep = draft.put;
    const put = async (key: string) => {
      const sha256 = await keep(key);
      if (this.dies) throw new Error('killed');
      return sha256;
    };
    return Object.assign(draft, { put });
  }
}

describe('store a segment', () => {
  it('counts lines, keeps no intent, and holds no file open after the seal', async () => {
    const holder = await leasedAttempt(database);
    const blobs = new MemoryBlobs();
    const bench = new LogBench(database, small, blobs);
    for (let at = 0; at < 30; at += 1) await bench.append.append(holder, at * 10, lines(at, 1));
    const segments = await segmentsOf(holder.attemptId);
    expect(segments.map(({ length, newlines }) => [length, newlines])).toEqual([
      [80, 8],
      [80, 8],
      [80, 8],
    ]);
    expect(await putsOf(holder.attemptId)).toEqual([]);
    expect(blobs.drafts).toBe(1);
    await bench.segments.forget(holder.attemptId);
    expect(blobs.drafts).toBe(0);
    expect(await bench.text(holder.attemptId)).toEqual(lines(0, 30));
  });

  it('reads out of the database what went through another process, many small chunks at once', async () => {
    const holder = await leasedAttempt(database);
    const blobs = new MemoryBlobs();
    const other = new LogBench(database, new LogSettings({ segmentBytes: 1_000_000 }), blobs);
    for (let at = 0; at < 700; at += 1) await other.append.append(holder, at, Buffer.from([at % 251]));
    const bench = new LogBench(database, new LogSettings({ segmentBytes: 650 }), blobs);
    await bench.append.append(holder, 700, Buffer.from('end'));
    const whole = Buffer.concat([Buffer.from(Array.from({ length: 700 }, (_, at) => at % 251)), Buffer.from('end')]);
    expect(await bench.text(holder.attemptId)).toEqual(whole);
    const [segment, ...more] = await segmentsOf(holder.attemptId);
    expect(more).toEqual([]);
    expect(segment).toMatchObject({ start_offset: 0, newlines: 3 });
    expect(segment!.length).toBeGreaterThanOrEqual(650);
  });

  it('a store that refuses costs no byte: the next append stores the segment', async () => {
    const holder = await leasedAttempt(database);
    const blobs = new DyingBlobs();
    const bench = new LogBench(database, small, blobs);
    await expect(bench.append.append(holder, 0, lines(0, 9))).rejects.toThrow('killed');
    expect(blobs.drafts).toBe(0);
    expect(await bench.text(holder.attemptId)).toEqual(lines(0, 9));
    blobs.dies = false;
    await bench.append.append(holder, 90, lines(9, 1));
    expect(await bench.text(holder.attemptId)).toEqual(lines(0, 10));
    expect(await segmentsOf(holder.attemptId)).toHaveLength(1);
  });
});

describe('orphaned objects', () => {
  it('an object without a name goes after the time of grace, a named one never', async () => {
    const holder = await leasedAttempt(database);
    const blobs = new DyingBlobs();
    const bench = new LogBench(database, small, blobs);
    await expect(bench.append.append(holder, 0, lines(0, 9))).rejects.toThrow('killed');
    blobs.dies = false;
    await bench.append.append(holder, 90, lines(9, 1));
    expect(blobs.stored.size).toBe(2);
    await bench.orphans.sweep();
    expect(blobs.stored.size).toBe(2);
    await age(holder.attemptId, 61);
    expect(await bench.orphans.sweep()).toBe(1);
    expect([...blobs.stored.keys()]).toEqual((await segmentsOf(holder.attemptId)).map((segment) => segment.blob_key));
    expect(await putsOf(holder.attemptId)).toEqual([]);
    expect(await bench.text(holder.attemptId)).toEqual(lines(0, 10));
  });

  it('whoever comes to name an object after the sweep took it fails, and loses nothing', async () => {
    const holder = await leasedAttempt(database);
    const blobs = new (class extends MemoryBlobs {
      override async draft() {
        const draft = await super.draft();
        const keep = draft.put;
        const put = async (key: string) => {
          const sha256 = await keep(key);
          await age(holder.attemptId, 61);
          await bench.orphans.sweep();
          return sha256;
        };
        return Object.assign(draft, { put });
      }
    })();
    const bench = new LogBench(database, small, blobs);
    await expect(bench.append.append(holder, 0, lines(0, 9))).rejects.toThrow('taken for an orphan');
    expect(blobs.stored.size).toBe(0);
    expect(await segmentsOf(holder.attemptId)).toEqual([]);
    expect(await bench.text(holder.attemptId)).toEqual(lines(0, 9));
  });

  it('of two processes that store the same bytes one is named, and the other takes its object away', async () => {
    const holder = await leasedAttempt(database);
    const blobs = new MemoryBlobs();
    await new LogBench(database, new LogSettings({ segmentBytes: 1_000_000 }), blobs).append.append(
      holder,
      0,
      lines(0, 9),
    );
    await Promise.all(
      [1, 2, 3].map(() => new LogBench(database, small, blobs).segments.storeWhenFull(holder.attemptId, 90)),
    );
    expect(await segmentsOf(holder.attemptId)).toHaveLength(1);
    expect(blobs.stored.size).toBe(1);
    expect(await putsOf(holder.attemptId)).toEqual([]);
  });
});
