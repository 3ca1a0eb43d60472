import { cpus, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startParts } from '../world/parts.ts';
import { startWorld } from '../world/world.ts';
import type { Bench, BenchResult } from './bench.ts';
import { boardPainted, boardUnderUpdates } from './large-board.ts';
import { deepQueue } from './deep-queue.ts';
import { drainQueue } from './drain-queue.ts';
import { gibLog } from './gib-log.ts';
import { hostFirstCommand, warmFirstCommand } from './hook-to-first-command.ts';
import { hostPipeline } from './host-jobs.ts';
import { hooksBurst } from './hooks-burst.ts';
import { idleMemory } from './idle-memory.ts';
import { idleRunners } from './idle-runners.ts';
import { largeLog } from './large-log.ts';
import { lineToScreen } from './line-to-screen.ts';
import { listPages } from './list-pages.ts';
import { liveViewers } from './live-viewers.ts';
import { removeLimitContainers } from './engine-script.ts';
import { eightSlots, twoSlots } from './pipelines-at-once.ts';
import { pushToFirstCommand } from './push-to-first-command.ts';
import { firstBoot, secondBoot } from './start-up.ts';
import { trivialPipeline } from './trivial-pipeline.ts';
import { webhookBurst } from './webhook-burst.ts';

/** `npm run bench [-- name ...]`: JSON on stdout, progress on stderr. Nothing here fails a build: the figures are to be read. */
const BENCHES: Readonly<Record<string, Bench>> = {
  'first-boot': firstBoot,
  'second-boot': secondBoot,
  'first-command': pushToFirstCommand,
  'trivial-pipeline': trivialPipeline,
  'warm-first-command': warmFirstCommand,
  'host-first-command': hostFirstCommand,
  'host-pipeline': hostPipeline,
  'queued-2-slots': twoSlots,
  'queued-8-slots': eightSlots,
  webhooks: webhookBurst,
  'line-to-screen': lineToScreen,
  'large-log': largeLog,
  'gib-log': gibLog,
  'deep-queue': deepQueue,
  'idle-memory': idleMemory,
  'drain-10k': drainQueue,
  'idle-runners': idleRunners,
  'live-viewers': liveViewers,
  // Leaves the planner thousands of pushes that are nowhere to be found.
  'hooks-burst': hooksBurst,
  'list-pages': listPages,
  'board-painted': boardPainted,
  'board-updates': boardUnderUpdates,
};
const ROUNDS = 3;

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !Object.hasOwn(BENCHES, name));
if (unknown.length > 0) {
  process.stderr.write(`There is no bench ${unknown.join(', ')}; there are ${Object.keys(BENCHES).join(', ')}.\n`);
  process.exit(2);
}

const root = join(dirname(fileURLToPath(import.meta.url)), '../../../..');
const say = (line: string) => void process.stderr.write(`${line}\n`);
const parts = await startParts(say);
const results: BenchResult[] = [];
try {
  const world = await startWorld(root, 'standalone', parts);
  try {
    for (const [name, bench] of Object.entries(BENCHES)) {
      if (wanted.length > 0 && !wanted.includes(name)) continue;
      say(`-- ${name}`);
      try {
        const result = await bench({ world, rounds: ROUNDS, say });
        results.push(result);
        say(
          `   ${result.within ? 'within' : 'OVER'} budget: ${result.ours} ${result.unit}, ${Math.round(result.ofBudget * 100)} % of what is allowed`,
        );
      } catch (error) {
        say(`   could not be measured: ${error instanceof Error ? error.message : String(error)}`);
        process.exitCode = 1;
      }
    }
  } finally {
    await world.stop();
    await removeLimitContainers(parts.engine.docker);
  }
} finally {
  await parts.stop();
}
const machine = {
  cpu: cpus()[0]?.model,
  cores: cpus().length,
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  node: process.version,
};
process.stdout.write(`${JSON.stringify({ at: new Date().toISOString(), machine, results }, null, 2)}\n`);
