// npm run simulate -- [--seeds N] [--from N] [--commands N] [--bugs]    and    SLUICE_SEED=N npm run simulate
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { COMMAND_KINDS, type Command } from './commands.ts';
import { PLANTED_BUGS } from './planted-bugs.ts';
import { findSeed, shrink } from './search.ts';
import { simulate } from './simulate.ts';

interface Share {
  readonly from: number;
  readonly step: number;
  readonly until: number;
  readonly commands: number;
}

interface Report {
  readonly seed: number;
  readonly violation: string | undefined;
  readonly kinds: Readonly<Record<string, number>>;
  readonly runs: number;
  readonly deployments: number;
  readonly time: number;
}

if (isMainThread) process.exitCode = await main();
else work(workerData as Share);

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '1000' },
      from: { type: 'string', default: '1' },
      commands: { type: 'string', default: '500' },
      bugs: { type: 'boolean', default: false },
    },
  });
  const [seeds, from, commands] = [values.seeds, values.from, values.commands].map(wholeNumber);
  if (seeds === undefined || from === undefined || commands === undefined) {
    console.error('simulate: --seeds, --from and --commands take whole numbers from 1 on');
    return 2;
  }
  const { SLUICE_SEED: seed } = process.env;
  if (seed !== undefined) return replay(wholeNumber(seed), commands);
  return values.bugs ? searchBugs(from, seeds) : searchSeeds(from, seeds, commands);
}

/** Plays one seed, shows its history, and if it breaks something, the shortest one found that still does. */
function replay(seed: number | undefined, commands: number): number {
  if (seed === undefined) {
    console.error('simulate: SLUICE_SEED takes a whole number from 1 on');
    return 2;
  }
  const found = simulate({ seed, commands });
  if (!found.violation) {
    simulate({ seed, commands, note: (line) => console.log(line) });
    console.log(`seed ${seed}: nothing broken in ${found.played} commands, ${found.runs} runs`);
    return 0;
  }
  console.log(`seed ${seed}: ${found.violation.message}\nleaving out commands ...`);
  const fewer = shrink({ seed }, found);
  const { violation } = simulate({ seed, commands: fewer, note: (line) => console.log(line) });
  console.log(`seed ${seed}: ${violation?.message} (${fewer.length} of ${found.played} commands)`);
  return 1;
}

function searchBugs(from: number, limit: number): number {
  let missed = 0;
  for (const bug of PLANTED_BUGS) {
    const found = findSeed(bug, from, limit);
    if (!found) missed += 1;
    console.log(
      `${bug.name.padEnd(28)} ${found ? `seed ${found.seed}: ${found.violation?.message}` : `not found in ${limit} seeds`}`,
    );
  }
  console.log(`${PLANTED_BUGS.length - missed} of ${PLANTED_BUGS.length} planted bugs found`);
  return missed === 0 ? 0 : 1;
}

async function searchSeeds(from: number, seeds: number, commands: number): Promise<number> {
  const workers = Math.min(availableParallelism(), seeds);
  const started = performance.now();
  const kinds = new Map<string, number>(COMMAND_KINDS.map((kind) => [kind, 0]));
  const broken = new Map<string, number[]>();
  const totals = { done: 0, runs: 0, deployments: 0, time: 0 };
  let shown = started;
  const hear = (report: Report) => {
    totals.done += 1;
    totals.runs += report.runs;
    totals.deployments += report.deployments;
    totals.time += report.time;
    for (const [kind, count] of Object.entries(report.kinds)) kinds.set(kind, (kinds.get(kind) ?? 0) + count);
    if (report.violation !== undefined) {
      const id = report.violation.split(':')[0] ?? '';
      broken.set(id, [...(broken.get(id) ?? []), report.seed]);
      console.log(`SLUICE_SEED=${report.seed} ${report.violation}`);
    }
    if (performance.now() - shown < 5_000) return;
    shown = performance.now();
    console.log(
      `${totals.done} of ${seeds} seeds, ${perSecond(totals.done, started)} a second, ${count(broken)} broken`,
    );
  };
  await Promise.all(
    Array.from({ length: workers }, (_, index) =>
      hearAll({ from: from + index, step: workers, until: from + seeds, commands }, hear),
    ),
  );
  console.log(`\ncommands by kind:`);
  for (const [kind, number] of kinds) console.log(`  ${kind.padEnd(20)} ${number}`);
  console.log(
    `${totals.done} seeds, ${perSecond(totals.done, started)} a second; ${totals.runs} runs, ${totals.deployments} deployments, ` +
      `${(totals.time / 86_400_000).toFixed(1)} days of virtual time`,
  );
  for (const [id, found] of broken)
    console.log(`  ${id} broken by ${found.length} seeds: ${found.slice(0, 10).join(', ')}`);
  console.log(`violations: ${count(broken)}`);
  return broken.size === 0 ? 0 : 1;
}

function hearAll(share: Share, hear: (report: Report) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: share, execArgv: process.execArgv });
    worker.on('message', hear);
    worker.on('error', reject);
    worker.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`a worker ended with code ${code}`))));
  });
}

function work({ from, step, until, commands }: Share): void {
  for (let seed = from; seed < until; seed += step) {
    const { violation, runs, deployments, time, commands: played } = simulate({ seed, commands });
    const kinds: Record<string, number> = {};
    for (const { kind } of played satisfies readonly Command[]) kinds[kind] = (kinds[kind] ?? 0) + 1;
    parentPort?.postMessage({ seed, violation: violation?.message, kinds, runs, deployments, time } satisfies Report);
  }
}

function wholeNumber(text: string): number | undefined {
  const number = Number(text);
  return Number.isInteger(number) && number > 0 ? number : undefined;
}

function count(broken: ReadonlyMap<string, readonly number[]>): number {
  return [...broken.values()].reduce((sum, seeds) => sum + seeds.length, 0);
}

function perSecond(done: number, started: number): string {
  return ((done * 1_000) / (performance.now() - started)).toFixed(1);
}
