import type { BrokenInvariant } from '@sluice/engine/testing';
import { carryOut, drawCommands, type Command } from './commands.ts';
import { Random } from './kernel/random.ts';
import { REAL_WIRING, type Wiring } from './product/wiring.ts';
import { World } from './world.ts';

export interface SimulationOptions {
  readonly seed: number;
  /** Default 500. */
  readonly commands?: readonly Command[] | number;
  readonly wiring?: Wiring;
  /** After the commands, faults stop and everything must come to rest. Default true. */
  readonly liveness?: boolean;
  /** Hears of each command and event, in order. */
  readonly note?: (line: string) => void;
}

export interface SimulationResult {
  readonly seed: number;
  readonly commands: readonly Command[];
  readonly violation: BrokenInvariant | undefined;
  /** Commands carried out before the violation. */
  readonly played: number;
  readonly runs: number;
  readonly deployments: number;
  /** Milliseconds of virtual time. */
  readonly time: number;
}

/** Faults have stopped; this long after, everything has come to its end that no person holds up. */
const REST_MS = 45 * 60_000;

/** One seed, one history. */
export function simulate(options: SimulationOptions): SimulationResult {
  const { seed, wiring = REAL_WIRING, liveness = true } = options;
  let now = () => 0;
  const note = (line: string) => options.note?.(`${String(now()).padStart(8)} ${line}`);
  const commands =
    typeof options.commands === 'object' ? options.commands : drawCommands(new Random(seed), options.commands ?? 500);
  const world = new World(seed, wiring, options.note ? note : () => undefined);
  now = () => world.kernel.now;
  let played = 0;
  for (const command of commands) {
    if (world.checks.violation) break;
    world.random.reseed(command.seed);
    if (options.note) note(`-- ${command.kind} ${command.a} ${command.b}`);
    carryOut(world, command);
    world.kernel.runUntil(world.kernel.now + command.gap);
    world.checks.between();
    played += 1;
  }
  world.checks.promises();
  if (liveness && !world.checks.violation) rest(world, note);
  return {
    seed,
    commands,
    violation: world.checks.violation,
    played,
    runs: world.store.table('runs').size,
    deployments: world.store.table('deployments').size,
    time: world.kernel.now,
  };
}

function rest(world: World, note: (line: string) => void): void {
  note('-- faults stop');
  world.heal();
  const { kernel, checks, runners } = world;
  const end = kernel.now + REST_MS;
  do kernel.runUntil(kernel.now + 10_000);
  while (kernel.now < end && !checks.violation && !checks.isSettled());
  // Long enough for a log to be sealed and a runner to be back, even if all looks at rest before.
  kernel.runUntil(kernel.now + 70_000);
  checks.between();
  checks.settled(
    new Map(runners.map((runner) => [runner.id, runner.containers])),
    new Map(runners.map((runner) => [runner.id, runner.lastAnswered])),
  );
  checks.promises();
  checks.upgrade(false);
}
