import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { interleave, timed, type Bench } from './bench.ts';
import { simulatedRunners } from './simulated-runners.ts';

const PIECES = 100;
/** What a runner sends at once when it has much. */
const PIECE = Buffer.from(randomBytes(512 * 1024).toString('hex'));

/** 100 MiB of one log sent piece by piece as fast as they are taken, to a sealed log with the right hash. */
export const logIngest: Bench = async (context) => {
  const { world } = context;
  const { runners, tokens, queue } = await simulatedRunners(world, 'bench-ingest', 1);
  await queue(1);
  return interleave(
    context,
    {
      name: '100 MiB of a log taken in, to its seal',
      budget: '<= 20x a bare HTTP server that hashes what it is sent',
      unit: 'ms',
      allowed: (limit) => limit * 20,
    },
    {
      limit: toBareServer,
      ours: async () => {
        const [api] = runners;
        const { lease } = await api!.runner.poll({ pollId: randomUUID(), slots: 1, waitSeconds: 20, protocol: 1 });
        if (!lease) throw new Error('a poll came back empty although jobs are queued');
        const { attemptId, epoch } = lease;
        await api!.runner.start({ attemptId, epoch });
        const hash = createHash('sha256');
        for (let nth = 0; nth < PIECES; nth += 1) hash.update(PIECE);
        const ms = await timed(async () => {
          for (let nth = 0; nth < PIECES; nth += 1)
            await send(
              `${world.servers.url}/api/v1/runner/attempts/${attemptId}/log?offset=${nth * PIECE.length}&epoch=${epoch}`,
              { authorization: `Bearer ${tokens[0]!}` },
            );
          const log = { length: PIECES * PIECE.length, sha256: hash.digest('hex'), truncated: false };
          await api!.runner.result({ attemptId, epoch, result: { outcome: 'failed', steps: [], log } });
        });
        return ms;
      },
    },
  );
};

async function send(url: string, headers: Record<string, string> = {}): Promise<void> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/octet-stream' },
    body: PIECE,
  });
  if (!answer.ok) throw new Error(`a piece of the log answered ${answer.status}: ${await answer.text()}`);
  await answer.arrayBuffer();
}

async function toBareServer(): Promise<number> {
  const hash = createHash('sha256');
  const server = createServer((request, response) => {
    request.on('data', (bytes: Buffer) => hash.update(bytes));
    request.on('end', () => response.end());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const { port } = server.address() as AddressInfo;
    return await timed(async () => {
      for (let nth = 0; nth < PIECES; nth += 1) await send(`http://127.0.0.1:${port}/`);
    });
  } finally {
    server.close();
    server.closeAllConnections();
  }
}
