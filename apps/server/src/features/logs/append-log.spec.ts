import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { json } from '../../platform/db/database.ts';
import { testDatabase, type TestDatabase } from '../../platform/db/testing/test-database.ts';
import type { LogHolder } from './log-holder.ts';
import { LogSettings } from './log-settings.ts';
import { leasedAttempt, LogBench } from './testing/log-bench.ts';
import { MemoryBlobs } from '../../testing/memory-blobs.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.close());

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
const small = new LogSettings({ segmentBytes: 40, limitBytes: 2_000, finishSeconds: 0.05 });
const declare = (holder: LogHolder, bytes: Buffer, truncated = false) =>
  database.db
    .updateTable('attempts')
    .set({
      status: 'passed',
      finished_at: new Date(),
      result: json({ outcome: 'passed', steps: [], log: { length: bytes.length, sha256: sha256(bytes), truncated } }),
    })
    .where('id', '=', holder.attemptId)
    .execute();
const rowOf = (holder: LogHolder) =>
  database.db.selectFrom('attempts').selectAll().where('id', '=', holder.attemptId).executeTakeFirstOrThrow();

/** What an append must answer, by looking at one buffer. */
function model(stored: Buffer, offset: number, bytes: Buffer): { status: number; stored: Buffer } {
  if (offset > stored.length) return { status: 416, stored };
  const overlap = stored.subarray(offset, offset + bytes.length);
  if (!overlap.equals(bytes.subarray(0, overlap.length))) return { status: 409, stored };
  return { status: 200, stored: Buffer.concat([stored, bytes.subarray(overlap.length)]) };
}

describe('append to a log', () => {
  it('F23 I10 answers like one buffer would: overlap, conflict, gap; over segments and two processes', async () => {
    const step = fc.record({
      back: fc.integer({ min: -4, max: 60 }),
      length: fc.integer({ min: 0, max: 30 }),
      spoil: fc.integer({ min: 0, max: 9 }),
      process: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 25 }),
        fc.integer({ min: 0, max: 255 }),
        async (steps, seed) => {
          const holder = await leasedAttempt(database);
          const blobs = new MemoryBlobs();
          const processes = [new LogBench(database, small, blobs), new LogBench(database, small, blobs)] as const;
          let stored = Buffer.alloc(0);
          for (const { back, length, spoil, process } of steps) {
            const offset = Math.max(0, stored.length - back);
            // The same offset has the same byte, unless this step is to lie.
            const bytes = Buffer.from(Array.from({ length }, (_, index) => (offset + index) * 7 + seed));
            if (spoil === 0 && length > 0) bytes[0] = bytes[0]! ^ 0xff;
            const expected = model(stored, offset, bytes);
            const bench = processes[process ? 0 : 1];
            const answer = await bench.append.append(holder, offset, bytes).then(
              (value) => ({ status: 200, ...value }),
              (error: { status: number; data: { length?: number } }) => ({
                status: error.status,
                length: error.data.length,
              }),
            );
            stored = Buffer.from(expected.stored);
            expect(answer.status).toBe(expected.status);
            if (answer.status !== 409) expect(answer.length).toBe(stored.length);
          }
          expect(await processes[0].text(holder.attemptId)).toEqual(stored);
          const live = await database.db
            .selectFrom('log_chunks')
            .select('bytes')
            .where('attempt_id', '=', holder.attemptId)
            .execute();
          expect(live.reduce((sum, { bytes }) => sum + bytes.length, 0)).toBeLessThan(40);
        },
      ),
      { numRuns: 25 },
    );
  });

  it('F06 a runner that resends from the acknowledged length after a cut leaves every byte once', async () => {
    const holder = await leasedAttempt(database);
    const bench = new LogBench(database, small);
    const whole = Buffer.from('0123456789'.repeat(30));
    await bench.append.append(holder, 0, whole.subarray(0, 90));
    await Promise.all([
      bench.append.append(holder, 60, whole.subarray(60, 150)),
      bench.append.append(holder, 90, whole.subarray(90, 120)),
    ]);
    const { length } = await bench.append.append(holder, 0, whole);
    expect(length).toBe(300);
    expect(await bench.text(holder.attemptId)).toEqual(whole);
  });

  it('F50 one line of megabytes with NULs, broken UTF-8 and characters cut by the borders of chunks is stored byte by byte', async () => {
    const holder = await leasedAttempt(database);
    const bench = new LogBench(database, new LogSettings({ segmentBytes: 1_000_000 }));
    const piece = Buffer.concat([Buffer.from('€\0ä'), Buffer.from([0xff, 0xc3, 0x28, 0xe2, 0x82]), Buffer.from('x')]);
    const line = Buffer.alloc(5_000_000, piece);
    // Of no length that the piece has: every border lies elsewhere in it.
    for (let at = 0; at < line.length; at += 999_983)
      await bench.append.append(holder, at, line.subarray(at, at + 999_983));
    expect((await bench.text(holder.attemptId)).equals(line)).toBe(true);
    expect(await bench.lines.find(holder.attemptId, 1, 10, 16_384)).toEqual({
      total: 1,
      span: { from: 0, to: 16_384 },
    });
    await declare(holder, line);
    expect(await bench.seal.sealIfComplete(holder.attemptId)).toBe(true);
    expect(await rowOf(holder)).toMatchObject({ log_sha256: sha256(line), log_incomplete: false });
  });

  it('A51 I06 refuses a stale epoch and another runner, and stores nothing', async () => {
    const holder = await leasedAttempt(database);
    const bench = new LogBench(database, small);
    for (const other of [
      { ...holder, epoch: 2 },
      { ...holder, runnerId: (await leasedAttempt(database)).runnerId },
    ]) {
      await expect(bench.append.append(other, 0, Buffer.from('x'))).rejects.toMatchObject({
        status: 409,
        code: 'lease-lost',
      });
    }
    expect(await bench.length(holder.attemptId)).toBe(0);
  });

  it('F49 refuses bytes beyond the limit', async () => {
    const holder = await leasedAttempt(database);
    const bench = new LogBench(database, new LogSettings({ limitBytes: 10 }));
    await expect(bench.append.append(holder, 0, Buffer.alloc(70_000))).rejects.toMatchObject({ status: 413 });
  });

  it('tells watchers of growth and of the seal', async () => {
    const holder = await leasedAttempt(database);
    const bench = new LogBench(database, small);
    await bench.append.append(holder, 0, Buffer.from('hello'));
    await declare(holder, Buffer.from('hello'));
    await bench.seal.sealIfComplete(holder.attemptId);
    expect(bench.live.seen).toEqual([
      [holder.attemptId, 5, false],
      [holder.attemptId, 5, true],
    ]);
  });
});

describe('sealing', () => {
  it('F22 seals when the declared bytes have come after the result, and takes nothing more', async () => {
    const holder = await leasedAttempt(database);
    const bench = new LogBench(database, new LogSettings());
    await bench.append.append(holder, 0, Buffer.from('hello '));
    await declare(holder, Buffer.from('hello world'));
    expect(await bench.seal.sealIfComplete(holder.attemptId)).toBe(false);
    await bench.append.append(holder, 6, Buffer.from('world'));
    expect(await rowOf(holder)).toMatchObject({
      log_length: 11,
      log_sha256: sha256(Buffer.from('hello world')),
      log_incomplete: false,
    });
    expect((await rowOf(holder)).log_sealed_at).not.toBeNull();
    await expect(bench.append.append(holder, 11, Buffer.from('!'))).rejects.toMatchObject({
      status: 409,
      code: 'log-sealed',
    });
    expect(await bench.append.append(holder, 0, Buffer.from('hello'))).toEqual({ length: 11 });
  });

  it('F22 after the waiting time the log is sealed as incomplete; the result stays', async () => {
    const holder = await leasedAttempt(database);
    const bench = new LogBench(database, small);
    await bench.append.append(holder, 0, Buffer.from('hel'));
    await declare(holder, Buffer.from('hello'));
    await expect.poll(() => bench.seal.sealOverdue(), { timeout: 5_000 }).toBe(1);
    expect(await rowOf(holder)).toMatchObject({ status: 'passed', log_length: 3, log_incomplete: true });
  });

  it('F07 a whole log that a dead process left open is sealed by the next sweep, long before the waiting time', async () => {
    const holder = await leasedAttempt(database);
    await new LogBench(database, new LogSettings()).append.append(holder, 0, Buffer.from('hello'));
    await declare(holder, Buffer.from('hello'));
    const { seal } = new LogBench(database, new LogSettings());
    await seal.sealOverdue();
    expect((await rowOf(holder)).log_sealed_at).toBeNull();
    await database.db
      .updateTable('attempts')
      .set({ finished_at: sql<Date>`now() - interval '3 seconds'` })
      .where('id', '=', holder.attemptId)
      .execute();
    await seal.sealOverdue();
    expect(await rowOf(holder)).toMatchObject({ log_sha256: sha256(Buffer.from('hello')), log_incomplete: false });
  });

  it('I10 other bytes of the declared length make it incomplete, also when another process has to read them', async () => {
    const holder = await leasedAttempt(database);
    const blobs = new MemoryBlobs();
    await new LogBench(database, small, blobs).append.append(holder, 0, Buffer.from('x'.repeat(90)));
    await declare(holder, Buffer.from('y'.repeat(90)), true);
    expect(await new LogBench(database, small, blobs).seal.sealIfComplete(holder.attemptId)).toBe(true);
    expect(await rowOf(holder)).toMatchObject({
      log_incomplete: true,
      log_truncated: true,
      log_sha256: sha256(Buffer.from('x'.repeat(90))),
    });
  });

  it('an attempt that never began has nothing to miss', async () => {
    const holder = await leasedAttempt(database);
    await database.db
      .updateTable('attempts')
      .set({ status: 'cancelled', started_at: null, finished_at: new Date(0) })
      .where('id', '=', holder.attemptId)
      .execute();
    await new LogBench(database, small).seal.sealOverdue();
    expect(await rowOf(holder)).toMatchObject({ log_incomplete: false, log_length: 0 });
  });
});

describe('segments', () => {
  it('a crash after the object was stored loses nothing and doubles nothing', async () => {
    const holder = await leasedAttempt(database);
    const blobs = new MemoryBlobs();
    const big = new LogBench(database, new LogSettings({ segmentBytes: 1_000_000 }), blobs);
    const whole = Buffer.from('abcdefghij'.repeat(10));
    await big.append.append(holder, 0, whole.subarray(0, 60));
    // The object of a process that died before it could name it.
    await blobs.put(`logs/${holder.attemptId}/0-60`, whole.subarray(0, 60));
    const bench = new LogBench(database, small, blobs);
    await Promise.all([
      bench.segments.storeWhenFull(holder.attemptId, 60),
      new LogBench(database, small, blobs).segments.storeWhenFull(holder.attemptId, 60),
    ]);
    await bench.append.append(holder, 60, whole.subarray(60));
    expect(await bench.text(holder.attemptId)).toEqual(whole);
    const segments = await database.db
      .selectFrom('log_segments')
      .selectAll()
      .where('attempt_id', '=', holder.attemptId)
      .orderBy('start_offset')
      .execute();
    expect(segments.map(({ start_offset: start, length }) => [start, length])).toEqual([
      [0, 60],
      [60, 40],
    ]);
    expect(segments.every((segment) => sha256(blobs.stored.get(segment.blob_key)!) === segment.sha256)).toBe(true);
  });

  it('reads any range over segment and chunk borders', async () => {
    const holder = await leasedAttempt(database);
    const bench = new LogBench(database, small);
    const whole = Buffer.from(Array.from({ length: 250 }, (_, index) => index));
    for (let at = 0; at < whole.length; at += 17) await bench.append.append(holder, at, whole.subarray(at, at + 17));
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 250 }), fc.integer({ min: 0, max: 250 }), async (a, b) => {
        const [from, to] = [Math.min(a, b), Math.max(a, b)];
        expect(await bench.text(holder.attemptId, from, to)).toEqual(whole.subarray(from, to));
      }),
      { numRuns: 60 },
    );
  });

  it('I11 a reader that is overtaken by a segment sees every byte once', async () => {
    const holder = await leasedAttempt(database);
    const blobs = new MemoryBlobs();
    const slow = new LogBench(database, new LogSettings({ segmentBytes: 1_000_000 }), blobs);
    const whole = Buffer.from('0123456789'.repeat(10));
    for (let at = 0; at < 100; at += 10) await slow.append.append(holder, at, whole.subarray(at, at + 10));
    const pieces: Buffer[] = [];
    for await (const bytes of slow.reader.read(holder.attemptId, 0, 100)) {
      pieces.push(bytes);
      if (pieces.length === 3) await new LogBench(database, small, blobs).segments.storeWhenFull(holder.attemptId, 100);
    }
    expect(Buffer.concat(pieces)).toEqual(whole);
  });
});
