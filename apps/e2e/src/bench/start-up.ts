import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { freePort, ServerProcess } from '@sluice/testing';
import { interleave, timed, type Bench } from './bench.ts';

async function bareNode(): Promise<number> {
  return timed(async () => {
    const child = spawn(
      process.execPath,
      ['-e', 'require("http").createServer().listen(0, "127.0.0.1", () => console.log(1))'],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
  });
}

function startUp(which: 'first' | 'second', budgetMs: number): Bench {
  return async (context) => {
    const { world } = context;
    return interleave(
      context,
      {
        name: `start -> first 200, ${which} boot`,
        budget: `<= ${budgetMs / 1000} s`,
        unit: 'ms',
        allowed: () => budgetMs,
        note: 'Standalone with its own PostgreSQL, without a runner. The limit is a bare Node HTTP server.',
      },
      {
        limit: bareNode,
        ours: async () => {
          const folder = mkdtempSync(join(world.folder, 'boot-'));
          const server = new ServerProcess({
            root: world.root,
            port: await freePort(),
            dataDir: join(folder, 'data'),
            logFile: join(folder, 'server.log'),
            env: { SLUICE_RUNNER: 'off' },
          });
          try {
            if (which === 'second') {
              await server.start();
              await server.stop();
            }
            return await timed(() => server.start());
          } finally {
            await server.stop();
            rmSync(folder, { recursive: true, force: true });
          }
        },
      },
    );
  };
}

export const firstBoot = startUp('first', 4000);
export const secondBoot = startUp('second', 1500);
