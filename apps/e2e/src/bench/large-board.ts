import { findChromium } from '@sluice/testing';
import { chromium, type Page } from 'playwright-core';
import { signIn } from '../browser/sign-in.ts';
import type { World } from '../world/world.ts';
import { interleave, percentile, withSpent, type Bench, type BenchContext } from './bench.ts';
import { fillDatabase } from './full-database.ts';
import { simulatedRunners } from './simulated-runners.ts';

const UPDATED_MS = 8_000;
const RUNNERS = 20;
/** Of a screen that shows 60 frames a second. */
const FRAME_MS = 1000 / 60;
const PAINT_BUDGET_MS = 1_000;

/** The board of 5,000 services in a browser without anything cached, until its first service can be seen. */
export const boardPainted: Bench = async (context) => {
  await fillDatabase(context);
  const spent: Record<string, number>[] = [];
  const result = await inBrowser(context, async (page) =>
    interleave(
      context,
      {
        name: 'board of 5,000 services: address opened -> first services painted',
        budget: 'first paint < 1 s',
        unit: 'ms',
        allowed: () => PAINT_BUDGET_MS,
        note: 'The limit is the list of runners, which is short, opened in the same way.',
      },
      {
        limit: () => painted(page, '/runners', 'h1'),
        ours: async () => {
          const ms = await painted(page, '/board', BOARD_ROW);
          spent.push({ ...(await partsOf(page)), 'until painted': ms });
          return ms;
        },
      },
    ),
  );
  return withSpent(result, spent);
};

/** The same board while runs change: what the browser paints meanwhile. */
export const boardUnderUpdates: Bench = async (context) => {
  const { world, say } = context;
  await fillDatabase(context);
  const { queue, take } = await simulatedRunners(world, 'bench-board', RUNNERS);
  const told = countTold(world);
  try {
    return await inBrowser(context, async (page) => {
      await painted(page, '/board', BOARD_ROW);
      return interleave(
        context,
        {
          name: 'board of 5,000 services while runs change: frames, p95',
          budget: '60 frames a second while 100 updates a second arrive',
          unit: 'ms',
          // A frame that comes late by less than half of one is no frame lost.
          allowed: () => FRAME_MS * 1.5,
          note: `${RUNNERS} simulated runners end one job after the other for ${UPDATED_MS / 1000} s. The limit is the same board at rest.`,
        },
        {
          limit: async () => percentile((await frames(page, UPDATED_MS)).each, 0.95),
          ours: async () => {
            await queue(3);
            const before = told.count();
            let over = false;
            const work = (async () => {
              while (!over) await take(RUNNERS);
            })();
            const { each, longTasks } = await frames(page, UPDATED_MS);
            over = true;
            await work;
            const updates = (told.count() - before) / (UPDATED_MS / 1000);
            say(
              `   ${updates.toFixed(0)} updates/s, ${each.length} frames, longest ${Math.max(...each).toFixed(0)} ms, ${longTasks} long tasks`,
            );
            return percentile(each, 0.95);
          },
        },
      );
    });
  } finally {
    told.stop();
  }
};

const BOARD_ROW = '[role=row][aria-rowindex="3"]';

async function inBrowser<T>({ world }: BenchContext, look: (page: Page) => Promise<T>): Promise<T> {
  const { executablePath, args } = await findChromium();
  const browser = await chromium.launch({ executablePath, args: [...args] });
  try {
    const page = await browser.newPage({
      baseURL: world.servers.replicas[0]!.url,
      viewport: { width: 1440, height: 900 },
    });
    await signIn(page, world.people['root']!);
    return await look(page);
  } finally {
    await browser.close();
  }
}

/** ms from the opening of the address to the frame after the first thing that is found. */
async function painted(page: Page, path: string, selector: string): Promise<number> {
  await page.goto('about:blank');
  await page.goto(path, { waitUntil: 'commit' });
  return page.evaluate(
    async ({ what }) => {
      const frame = () => new Promise<number>((resolve) => requestAnimationFrame(resolve));
      while (document.querySelector(what) === null) await frame();
      await frame();
      return performance.now();
    },
    { what: selector },
  );
}

/** ms after the opening at which each part had come. */
async function partsOf(page: Page): Promise<Record<string, number>> {
  return page.evaluate(() => {
    const [board] = performance
      .getEntriesByType('resource')
      .filter(({ name }) => new URL(name).pathname === '/api/v1/board') as PerformanceResourceTiming[];
    if (board === undefined) throw new Error('the page has not asked for the board');
    return {
      'board asked for': board.requestStart,
      'first byte': board.responseStart,
      'last byte': board.responseEnd,
      'MB of JSON': board.decodedBodySize / 1e6,
    };
  });
}

/** ms between the frames of so long a time, and how many tasks took longer than 50 ms. */
async function frames(page: Page, ms: number): Promise<{ readonly each: number[]; readonly longTasks: number }> {
  return page.evaluate(
    async ({ forMs }) => {
      let longTasks = 0;
      const watch = new PerformanceObserver((list) => (longTasks += list.getEntries().length));
      watch.observe({ type: 'longtask' });
      const each: number[] = [];
      const frame = () => new Promise<number>((resolve) => requestAnimationFrame(resolve));
      let last = await frame();
      const end = last + forMs;
      while (last < end) {
        const now = await frame();
        each.push(now - last);
        last = now;
      }
      watch.disconnect();
      return { each, longTasks };
    },
    { forMs: ms },
  );
}

/** How often whoever looks at the board is told of a change. */
function countTold(world: World): { count(): number; stop(): void } {
  const ending = new AbortController();
  let count = 0;
  void (async () => {
    const stream = await fetch(`${world.servers.url}/api/v1/live?topics=board`, {
      headers: { authorization: `Bearer ${world.people['root']!.token}` },
      signal: ending.signal,
    });
    for await (const chunk of stream.body!) count += Buffer.from(chunk).toString().split('\ndata:').length - 1;
  })().catch(() => undefined);
  return { count: () => count, stop: () => ending.abort() };
}
