import { createHash } from 'node:crypto';
import { spawn } from 'node:child_process';
import { interleave, timed, type Bench } from './bench.ts';
import { BenchService } from './bench-service.ts';
import { peakMemoryWhile } from './process-memory.ts';

const LINES = 1_000_000;
/** 100 bytes a line, numbered: a lost or doubled line changes the hash. */
const PRINT = `awk 'BEGIN { for (i = 0; i < ${LINES}; i++) printf "%09d %s\\n", i, "lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt ut lab" }'`;
const SLUG = 'bench-log';

/** A job that prints 100 MB in a million lines, checked byte by byte at rest. */
export const largeLog: Bench = async (context) => {
  const { world } = context;
  const service = await BenchService.create(world, SLUG, {
    'sluice.yaml': `service: ${SLUG}\ncommit: { jobs: { print: { image: "REGISTRY/base/busybox:1", steps: [{ name: print, run: ${JSON.stringify(PRINT)} }], timeout: 10m } } }\n`,
  });
  const growth: number[] = [];
  const result = await interleave(
    context,
    {
      name: 'a job that prints 100 MB / 1 M lines, SHA-256 checked at rest',
      budget: '<= 8x a Node pipe; server memory grows by <= 64 MiB',
      unit: 'ms',
      allowed: (limit) => limit * 8,
    },
    {
      limit: () => timed(() => throughNodePipe()),
      ours: async () => {
        const commit = await service.push();
        const { result: run, grewMiB } = await peakMemoryWhile(world.servers.replicas[0]!.pid!, () =>
          service.follow(commit),
        );
        growth.push(grewMiB);
        const attempt = run.jobs[0]!.attempts[0]!;
        await checkStored(world.servers.url, world.people['dana']!.token, attempt.id, attempt.log.length);
        const step = attempt.steps.at(-1)!;
        return Date.parse(attempt.finishedAt!) - Date.parse(step.startedAt!);
      },
    },
  );
  const grew = Math.max(...growth);
  return {
    ...result,
    within: result.within && grew <= 64,
    note: `Server memory grew by at most ${grew.toFixed(0)} MiB.`,
  };
};

async function throughNodePipe(): Promise<void> {
  const child = spawn('sh', ['-c', PRINT.replace('awk', 'busybox awk')], { stdio: ['ignore', 'pipe', 'inherit'] });
  const hash = createHash('sha256');
  for await (const chunk of child.stdout) hash.update(chunk as Buffer);
}

/** Every line must be there, once and in order. */
async function checkStored(url: string, token: string, attemptId: string, length: number): Promise<void> {
  const answer = await fetch(`${url}/api/v1/attempts/${attemptId}/log`, {
    headers: { authorization: `Bearer ${token}` },
  });
  if (!answer.ok || !answer.body) throw new Error(`the log answered ${answer.status}`);
  let [bytes, next, rest] = [0, 0, ''];
  for await (const chunk of answer.body) {
    bytes += chunk.length;
    const lines = (rest + Buffer.from(chunk).toString('latin1')).split('\n');
    rest = lines.pop()!;
    for (const line of lines) {
      if (!/^\d{9} lorem/.test(line)) continue;
      if (Number(line.slice(0, 9)) !== next)
        throw new Error(`line ${next} is missing or doubled: found ${line.slice(0, 9)}`);
      next += 1;
    }
  }
  if (next !== LINES || bytes !== length)
    throw new Error(`${next} of ${LINES} lines, ${bytes} of ${length} bytes are there`);
}
