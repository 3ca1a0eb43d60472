import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testDatabase, type TestDatabase } from '../../platform/db/testing/test-database.ts';
import { MemoryBlobs } from '../../testing/memory-blobs.ts';
import { LiteralMatcher } from './literal-matcher.ts';
import { LogSettings } from './log-settings.ts';
import { leasedAttempt, LogBench } from './testing/log-bench.ts';

let database: TestDatabase;
let bench: LogBench;
beforeAll(async () => {
  database = await testDatabase();
  bench = new LogBench(database, new LogSettings({ segmentBytes: 64 }), new MemoryBlobs());
});
afterAll(() => database.close());

const never = new AbortController().signal;

async function logOf(text: string): Promise<string> {
  const holder = await leasedAttempt(database);
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += 17) await bench.append.append(holder, at, bytes.subarray(at, at + 17));
  return holder.attemptId;
}

/** Few letters, so that matches, empty lines and matches over borders are common. */
const text = fc.string({ unit: fc.constantFrom('a', 'A', 'b', '\n', 'é'), minLength: 1, maxLength: 300 });

describe('lines of a log', () => {
  it('gives any lines as one buffer would, over segments and live chunks', async () => {
    await fc.assert(
      fc.asyncProperty(
        text,
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 1, max: 20 }),
        async (log, first, count) => {
          const id = await logOf(log);
          const lines = log.split(/(?<=\n)/);
          const { total, span } = await bench.lines.find(id, first, count, 10_000);
          expect(total).toBe(lines.length);
          if (first > lines.length) expect(span).toBeUndefined();
          else
            expect((await bench.text(id, span!.from, span!.to)).toString()).toBe(
              lines.slice(first - 1, first - 1 + count).join(''),
            );
        },
      ),
      { numRuns: 60 },
    );
  });

  it('ends a long answer after the bytes that were allowed', async () => {
    const id = await logOf(`${'x'.repeat(100)}\n`.repeat(5));
    expect(await bench.lines.find(id, 2, 3, 150)).toEqual({ total: 5, span: { from: 101, to: 251 } });
    expect(await bench.lines.find(id, 5, 3, 150)).toEqual({ total: 5, span: { from: 404, to: 505 } });
  });

  it('has no lines while it is empty', async () => {
    const { attemptId } = await leasedAttempt(database);
    expect(await bench.lines.find(attemptId, 1, 10, 100)).toEqual({ total: 0, span: undefined });
  });

  it('counts what was stored before lines were counted, once for a segment', async () => {
    const id = await logOf('one\ntwo\n'.repeat(20));
    for (const table of ['log_segments', 'log_chunks'] as const)
      await database.db.updateTable(table).set({ newlines: null }).where('attempt_id', '=', id).execute();
    expect((await bench.lines.find(id, 40, 1, 100)).span).toEqual({ from: 156, to: 160 });
    const segments = await database.db
      .selectFrom('log_segments')
      .select('newlines')
      .where('attempt_id', '=', id)
      .execute();
    expect(segments.length).toBeGreaterThan(1);
    expect(segments.every(({ newlines }) => newlines !== null)).toBe(true);
  });
});

describe('search in a log', () => {
  const naive = (log: string, words: string, matchCase: boolean) => {
    const fold = (some: string) => (matchCase ? some : some.replace(/[A-Z]/g, (letter) => letter.toLowerCase()));
    const [bytes, needle] = [Buffer.from(fold(log)), Buffer.from(fold(words))];
    const hits: { offset: number; line: number }[] = [];
    for (let at = bytes.indexOf(needle); at !== -1; at = bytes.indexOf(needle, at + needle.length))
      hits.push({ offset: at, line: bytes.subarray(0, at).toString('latin1').split('\n').length });
    return hits;
  };

  it('finds what one buffer would hold, page by page, over segments and live chunks', async () => {
    const words = fc.string({ unit: fc.constantFrom('a', 'A', 'b', 'é'), minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(
        text,
        words,
        fc.boolean(),
        fc.integer({ min: 1, max: 7 }),
        async (log, needle, matchCase, most) => {
          const id = await logOf(log);
          const hits: { offset: number; line: number }[] = [];
          for (let from: number | null = 0; from !== null;) {
            const page = await bench.search.search(id, { text: needle, matchCase, from, most }, never);
            expect(page.hits.length).toBeLessThanOrEqual(most);
            hits.push(...page.hits);
            from = page.next;
          }
          expect(hits).toEqual(naive(log, needle, matchCase));
        },
      ),
      { numRuns: 80 },
    );
  });

  it('takes every sign for itself: nothing in the words is a pattern', async () => {
    const id = await logOf('aXb a.b a*b [a-z]+ \\d $1 (x\n');
    for (const words of ['a.b', 'a*b', '[a-z]+', '\\d', '$1', '(x'])
      expect(await bench.search.search(id, { text: words, matchCase: false, from: 0, most: 9 }, never)).toEqual({
        hits: naive('aXb a.b a*b [a-z]+ \\d $1 (x\n', words, false),
        next: null,
      });
  });

  it('stopped in the middle it says where to go on, and nothing is missed or doubled', async () => {
    const log = `${'-'.repeat(60)}needle\n`.repeat(8);
    const id = await logOf(log);
    const hits: number[] = [];
    let pages = 0;
    for (let from: number | null = 0; from !== null; pages += 1) {
      const page = await bench.search.search(
        id,
        { text: 'NEEDLE', matchCase: false, from, most: 99 },
        AbortSignal.abort(),
      );
      hits.push(...page.hits.map(({ line }) => line));
      from = page.next;
    }
    expect(pages).toBeGreaterThan(2);
    expect(hits).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it('folds ASCII letters only', () => {
    const offsets = (words: string, log: string) => [
      ...new LiteralMatcher(words, { matchCase: false }).matches(Buffer.from(log)),
    ];
    expect(offsets('k@z', 'K@Z k`z \u212a@z')).toEqual([0]);
    expect(offsets('é', 'É é')).toEqual([3]);
  });
});
