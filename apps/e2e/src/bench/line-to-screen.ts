import { readFileSync } from 'node:fs';
import { interleave, percentile, timed, type Bench } from './bench.ts';
import { BenchService } from './bench-service.ts';

const SLUG = 'bench-line';
const LINES = 60;
/** Uptime is one clock for container and host, to 10 ms. */
const PRINT = `i=0; while [ $i -lt ${LINES} ]; do cut -d' ' -f1 /proc/uptime | sed 's/^/at /'; usleep 50000; i=$((i+1)); done`;

/** A printed line -> in the hands of a live reader, by event stream and range read as the page does it. */
export const lineToScreen: Bench = async (context) => {
  const { world } = context;
  const service = await BenchService.create(world, SLUG, {
    'sluice.yaml': `service: ${SLUG}\ncommit: { jobs: { print: { image: "REGISTRY/base/busybox:1", steps: [{ run: ${JSON.stringify(PRINT)} }] } } }\n`,
  });
  const headers = { authorization: `Bearer ${world.people['dana']!.token}` };
  const warm = await service.follow(await service.push());
  const readOnce = async () => {
    const address = `${world.servers.url}/api/v1/attempts/${warm.jobs[0]!.attempts[0]!.id}/log`;
    const answer = await fetch(address, { headers: { ...headers, range: 'bytes=0-' } });
    if (answer.status !== 206) throw new Error(`the log answered ${answer.status}`);
    await answer.arrayBuffer();
  };
  return interleave(
    context,
    {
      name: 'line printed -> read by a live reader, p95',
      budget: 'p95 <= 100 ms on loopback',
      unit: 'ms',
      allowed: () => 100,
      note: 'Event stream plus range read, without the painting of a browser; clock resolution 10 ms. The limit is one range read of a finished log.',
    },
    {
      limit: () => timed(readOnce),
      ours: async () => {
        const commit = await service.push();
        const run = await service.follow(commit, (one) => one.jobs[0]?.attempts[0]?.status === 'running');
        const delays = await readLive(world.servers.url, headers, run.jobs[0]!.attempts[0]!.id);
        await service.follow(commit);
        return percentile(delays, 0.95);
      },
    },
  );
};

async function readLive(url: string, headers: Record<string, string>, attemptId: string): Promise<number[]> {
  const stop = new AbortController();
  const events = await fetch(`${url}/api/v1/live?topics=log:${attemptId}`, { headers, signal: stop.signal });
  const delays: number[] = [];
  let [offset, rest] = [0, ''];
  for await (const chunk of events.body!) {
    if (!Buffer.from(chunk).includes('"log"')) continue;
    const answer = await fetch(`${url}/api/v1/attempts/${attemptId}/log`, {
      headers: { ...headers, range: `bytes=${offset}-` },
    });
    if (answer.status !== 206) continue;
    const text = await answer.text();
    const now = uptimeMs();
    offset += Buffer.byteLength(text);
    const lines = (rest + text).split('\n');
    rest = lines.pop()!;
    for (const line of lines) if (line.startsWith('at ')) delays.push(now - Number(line.slice(3)) * 1000);
    if (delays.length >= LINES) break;
  }
  stop.abort();
  return delays;
}

function uptimeMs(): number {
  return Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 1000;
}
