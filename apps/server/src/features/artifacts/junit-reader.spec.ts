import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testApp, type TestApp } from '../../testing/test-app.ts';
import { JunitReader } from './junit-reader.ts';

/** Honest as XML, and the slowest to read that fits into the largest file: seconds of work. */
const HOSTILE = `<testsuite ${Array.from({ length: 320_000 }, (_, at) => `a${at}="x"`).join(' ')}/>`;
const HONEST = '<testsuite name="s"><testcase name="a"/></testsuite>';

let server: TestApp;
beforeAll(async () => {
  server = await testApp();
});
afterAll(() => server.close());

async function reading<T>(reader: JunitReader, work: (reader: JunitReader) => Promise<T>): Promise<T> {
  try {
    return await work(reader);
  } finally {
    await reader.onModuleDestroy();
  }
}

describe('JunitReader', () => {
  it('A85 the server answers all the while the most expensive file is read', async () => {
    await reading(new JunitReader(), async (reader) => {
      await reader.read(HONEST);
      let over = false;
      const report = reader.read(HOSTILE).finally(() => (over = true));
      let turns = 0;
      let answered = 0;
      while (!over) {
        await new Promise((resolve) => setTimeout(resolve, 1));
        turns += 1;
        if ((await server.call('GET', '/healthz')).status === 200 && !over) answered += 1;
      }
      // Read on this thread, there would be one turn before and one after.
      expect(turns).toBeGreaterThan(20);
      expect(answered).toBeGreaterThan(20);
      expect(['cases', 'refused']).toContain((await report).report.kind);
    });
  });

  it('refuses a file that takes too long, and reads the next one', async () => {
    await reading(JunitReader.limited({ milliseconds: 300 }), async (reader) => {
      const [slow, next] = await Promise.all([reader.read(HOSTILE), reader.read(HONEST)]);
      expect(slow.report).toEqual({
        kind: 'refused',
        message: 'The file was not read: reading it takes more than 0.3 s; write fewer or smaller elements.',
      });
      // On a busy machine starting a thread may alone take the 0.3 s.
      expect(['cases', 'refused']).toContain(next.report.kind);
    });
  });

  it('refuses a file that takes too much memory, and reads the next one', async () => {
    await reading(JunitReader.limited({ heapMib: 24, milliseconds: 60_000 }), async (reader) => {
      const many = `<testsuite>${Array.from({ length: 300_000 }, (_, at) => `<a${at}/>`).join('')}</testsuite>`;
      expect((await reader.read(many)).report).toMatchObject({
        kind: 'refused',
        message: expect.stringContaining('24 MiB of memory'),
      });
      expect(await reader.read(HONEST)).toMatchObject({ report: { kind: 'cases' } });
    });
  });

  it('takes one file at a time, and no more in the queue than it may hold', async () => {
    await reading(JunitReader.limited({ waiting: 2 }), async (reader) => {
      const [first, second] = [reader.read(HONEST), reader.read('<nothing')];
      await expect(reader.read(HONEST)).rejects.toMatchObject({ status: 503, code: 'reports-busy' });
      expect(await first).toMatchObject({ report: { kind: 'cases' } });
      expect(await second).toMatchObject({ report: { kind: 'refused' } });
      expect(await reader.read(HONEST)).toMatchObject({ report: { kind: 'cases' } });
    });
  });

  it('uses the same thread again after a pause', async () => {
    await reading(new JunitReader(), async (reader) => {
      for (let time = 0; time < 3; time += 1) {
        expect(await reader.read(HONEST)).toMatchObject({ report: { kind: 'cases' } });
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    });
  });

  it('ends its thread when there was no work for a while', async () => {
    await reading(JunitReader.limited({ idleMs: 1 }), async (reader) => {
      for (let time = 0; time < 3; time += 1) {
        expect(await reader.read(HONEST)).toMatchObject({ report: { kind: 'cases' } });
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    });
  });
});
