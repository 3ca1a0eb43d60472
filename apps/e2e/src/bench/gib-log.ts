import { interleave, timed, type Bench } from './bench.ts';
import { BenchService } from './bench-service.ts';
import { peakMemoryWhile } from './process-memory.ts';

/** As long as a log may be, less the room that the marker of a cut log needs. */
const LINES = 10_200_000;
const TEXT = 'lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt ut lab';
/** Printed in one turn of the loop: awk would be the slowest part otherwise. */
const AT_ONCE = 100;
const PRINT = `awk 'BEGIN { for (i = 0; i < ${LINES}; i += ${AT_ONCE}) { text = ""; for (j = i; j < i + ${AT_ONCE}; j++) text = text sprintf("%09d %s\\n", j, "${TEXT}"); printf "%s", text } }'`;
const SLUG = 'bench-gib';
const PAGE_BYTES = 256 * 1024;
const OPENS_MS = 1_000;
const ANSWERS_MS = 3_000;

interface Page {
  readonly ms: number;
  readonly body: Buffer;
  readonly headers: Headers;
}

/** A log of 1 GiB as a person meets it: its beginning, its end, a line in the middle, and a search that finds nothing or one line. */
export const gibLog: Bench = async (context) => {
  const { world } = context;
  const service = await BenchService.create(world, SLUG, {
    'sluice.yaml': `service: ${SLUG}\ncommit: { jobs: { print: { image: "REGISTRY/base/busybox:1", steps: [{ name: print, run: ${JSON.stringify(PRINT)} }], timeout: 20m } } }\n`,
  });
  context.say('printing 1 GiB');
  const pid = world.servers.replicas[0]!.pid!;
  const commit = await service.push();
  const { result: run, grewMiB } = await peakMemoryWhile(pid, () => service.follow(commit, undefined, 500));
  const { id, log } = run.jobs[0]!.attempts[0]!;
  const address = `${world.servers.url}/api/v1/attempts/${id}/log`;
  const headers = { authorization: `Bearer ${world.people['dana']!.token}` };
  const get = async (path: string, more: Record<string, string> = {}): Promise<Page> => {
    const startedAt = performance.now();
    const answer = await fetch(address + path, { headers: { ...headers, ...more } });
    const body = Buffer.from(await answer.arrayBuffer());
    if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${body.toString()}`);
    return { ms: performance.now() - startedAt, body, headers: answer.headers };
  };
  const opened: number[] = [];
  const searched: number[] = [];
  const { result, grewMiB: searchGrewMiB } = await peakMemoryWhile(pid, () =>
    interleave(
      context,
      {
        name: 'a 1 GiB log: search of all of it answers',
        budget: `opens in < ${OPENS_MS / 1000} s, search answers in < ${ANSWERS_MS / 1000} s`,
        unit: 'ms',
        allowed: () => ANSWERS_MS,
      },
      {
        limit: () => timed(() => get('', { range: 'bytes=0-0' })),
        ours: async (round) => {
          const first = await get('', { range: `bytes=0-${PAGE_BYTES - 1}` });
          const last = await get('', { range: `bytes=${log.length - PAGE_BYTES}-${log.length - 1}` });
          const wanted = Math.floor((LINES * (round + 1)) / 5);
          const middle = await get(`/lines?from=${wanted}&count=500`);
          if (middle.body.toString('latin1').split('\n').length !== 501)
            throw new Error(`not 500 lines from ${wanted} on`);
          opened.push(first.ms, last.ms, middle.ms);
          const whole = await searchAll(get, 'no line has this');
          if (whole.hits.length > 0) throw new Error('a text that is nowhere was found');
          const numbered = `${String(Math.floor(LINES * 0.9)).padStart(9, '0')} LOREM`;
          const one = await searchAll(get, numbered);
          if (one.hits.length !== 1) throw new Error(`one line has ${numbered}, ${one.hits.length} were found`);
          searched.push(whole.ms, one.ms);
          return Math.max(whole.ms, one.ms);
        },
      },
    ),
  );
  const slowestPage = Math.max(...opened);
  return {
    ...result,
    within: result.within && slowestPage <= OPENS_MS,
    note: `${log.length} bytes. First page, last page and any line: at most ${slowestPage.toFixed(0)} ms; slowest search ${Math.max(...searched).toFixed(0)} ms. The server grew by ${grewMiB.toFixed(0)} MiB while it came and by ${searchGrewMiB.toFixed(0)} MiB while it was searched. The limit is one byte of it.`,
  };
};

/** Page by page until all bytes were searched, without regard to case. */
async function searchAll(
  get: (path: string) => Promise<Page>,
  words: string,
): Promise<{ ms: number; hits: unknown[] }> {
  let ms = 0;
  const hits: unknown[] = [];
  for (let from: number | null = 0; from !== null;) {
    const page = await get(`/search?q=${encodeURIComponent(words)}&from=${from}`);
    const answer = JSON.parse(page.body.toString()) as { hits: unknown[]; next: number | null };
    ms += page.ms;
    hits.push(...answer.hits);
    from = answer.next;
  }
  return { ms, hits };
}
