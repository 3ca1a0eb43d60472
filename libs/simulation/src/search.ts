import { drawCommands, type Command } from './commands.ts';
import { Random } from './kernel/random.ts';
import type { PlantedBug } from './planted-bugs.ts';
import { simulate, type SimulationOptions, type SimulationResult } from './simulate.ts';

/** The first seed from `from` on that finds the bug, by one of the invariants it is known to break. */
export function findSeed(bug: PlantedBug, from: number, limit: number): SimulationResult | undefined {
  for (let seed = from; seed < from + limit; seed += 1) {
    const result = simulate({ seed, wiring: bug.wiring });
    if (result.violation && bug.breaks.includes(result.violation.id)) return result;
  }
  return undefined;
}

/** Leaves out commands as long as the same invariant stays broken; `tries` bounds the number of simulations. */
export function shrink(options: SimulationOptions, found: SimulationResult, tries = 400): readonly Command[] {
  const id = found.violation?.id;
  let commands: readonly Command[] = found.commands.slice(0, found.played);
  if (commands.length === 0) commands = drawCommands(new Random(found.seed), 500);
  let size = Math.ceil(commands.length / 2);
  while (size >= 1 && tries > 0) {
    let left = false;
    for (let from = 0; from < commands.length && tries > 0; tries -= 1) {
      const fewer = [...commands.slice(0, from), ...commands.slice(from + size)];
      if (simulate({ ...options, seed: found.seed, commands: fewer }).violation?.id === id) {
        commands = fewer;
        left = true;
      } else from += size;
    }
    if (size === 1 && !left) break;
    size = size === 1 ? (left ? 1 : 0) : Math.ceil(size / 2);
  }
  return commands;
}
