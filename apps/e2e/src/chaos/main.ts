import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startParts } from '../world/parts.ts';
import { startWorld } from '../world/world.ts';
import { countBy, countCalls, describeChaos, type ChaosReport } from './chaos-report.ts';
import { COUNTED, setUpFailing, setUpServices } from './chaos-services.ts';
import { checkHistory, type Violation } from './check-history.ts';
import type { Acknowledged, Pushed } from './history.ts';
import { Links } from './links.ts';
import { playFaults } from './nemesis.ts';
import { readChaosOptions, type ChaosOptions } from './options.ts';
import { Processes } from './processes.ts';
import { Random } from './random.ts';
import { readStored } from './read-stored.ts';
import { settle } from './settle.ts';
import { doWork } from './work.ts';

/** Longest that anything may take to come to its end once nothing is broken any more: leases, retries and back-offs included. */
const REST_MS = 240_000;

const root = join(dirname(fileURLToPath(import.meta.url)), '../../../..');
const say = (line: string) => console.log(`chaos: ${line}`);

/** Real programs, stores and containers, work going on, faults from a seed; then the history is held against what is stored. */
async function main(options: ChaosOptions): Promise<ChaosReport> {
  const acknowledged: Acknowledged[] = [];
  const record = (call: Acknowledged) => void acknowledged.push(call);
  const parts = await startParts(say);
  const links = new Links(record);
  try {
    const world = await startWorld(root, 'distributed', parts, `chaos-${options.seed}`, links);
    let keepFolder = true;
    try {
      const services = await setUpServices(world);
      const failing = await setUpFailing(world);
      const random = new Random(options.seed);
      const processes = new Processes(world.servers.replicas, world.runners);
      const pushed: Pushed[] = [];
      let isOver = false;
      const work = doWork({
        world,
        services,
        failing,
        random: random.fork(),
        isOver: () => isOver,
        record,
        pushed: (push) => void pushed.push(push),
      });
      say(`seed ${options.seed}: faults for ${options.minutes} min`);
      const faults = await playFaults({ world, links, processes }, random.fork(), options.minutes, (fault) =>
        say(`${fault.atSeconds.toFixed(1).padStart(7)} s  ${fault.kind}: ${fault.what}, ${fault.seconds} s`),
      );
      isOver = true;
      await work;
      say('all faults are mended; waiting until everything rests');
      const mendedAt = performance.now();
      const moving = await settle(world, REST_MS);
      const settledAfterSeconds = Math.round((performance.now() - mendedAt) / 1000);
      const stored = await readStored(world);
      const violations: Violation[] = [
        ...processes.endedByThemselves.map((what) => ({ invariant: 'F71', what })),
        ...(moving === ''
          ? []
          : [{ invariant: 'I28', what: `${moving} still move ${REST_MS / 1000} s after the last fault` }]),
        // A day on which nothing came to its end shows nothing.
        ...(stored.runs.some(({ status }) => status === 'passed')
          ? []
          : [{ invariant: 'I28', what: 'not one run has passed' }]),
        ...checkHistory({ pushed, acknowledged, counted: COUNTED }, stored),
      ];
      keepFolder = violations.length > 0;
      if (keepFolder) say(`logs and data stay in ${world.folder}`);
      return {
        ...options,
        faults,
        acknowledged: countCalls(acknowledged),
        runs: countBy(stored.runs, ({ status }) => status),
        attempts: countBy(stored.attempts, ({ status }) => status),
        deploymentsStarted: stored.laneEvents.filter(({ type }) => type === 'deployment-started').length,
        settledAfterSeconds,
        violations,
      };
    } finally {
      await world.stop(keepFolder);
    }
  } finally {
    await links.stop();
    await parts.stop();
  }
}

try {
  const options = readChaosOptions(process.argv.slice(2), () => Math.floor(Date.now() / 1000) % 1_000_000);
  const report = await main(options);
  writeFileSync(options.out, `${JSON.stringify(report, null, 2)}\n`);
  console.log(`\n${describeChaos(report)}\n\n  all of it as JSON: ${options.out}`);
  process.exitCode = report.violations.length > 0 ? 1 : 0;
} catch (error) {
  console.error(`chaos: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  process.exitCode = 2;
}
process.exit();
