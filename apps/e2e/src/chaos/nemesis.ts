import { setTimeout as pause } from 'node:timers/promises';
import { FAULT_GROUPS, type Fault, type Stage } from './faults.ts';
import type { Random } from './random.ts';

export interface PlayedFault {
  readonly atSeconds: number;
  readonly seconds: number;
  readonly kind: string;
  readonly what: string;
}

/** Plays faults until the time is over, one after the other in each group, and resolves when the last one is mended. */
export async function playFaults(
  stage: Stage,
  random: Random,
  minutes: number,
  tell: (fault: PlayedFault) => void,
): Promise<readonly PlayedFault[]> {
  const startedAt = performance.now();
  const endsAt = startedAt + minutes * 60_000;
  const played: PlayedFault[] = [];
  const playGroup = async (faults: Readonly<Record<string, Fault>>, chance: Random) => {
    // Each kind comes once before any comes again: a short run shows many of them too.
    let left: string[] = [];
    while (performance.now() < endsAt) {
      await pause(chance.between(500, 4_000));
      if (left.length === 0) left = Object.keys(faults);
      const [kind = ''] = left.splice(chance.between(0, left.length - 1), 1);
      const at = performance.now();
      const what = await faults[kind]!(stage, chance.fork());
      const fault = { atSeconds: seconds(at - startedAt), seconds: seconds(performance.now() - at), kind, what };
      played.push(fault);
      tell(fault);
    }
  };
  await Promise.all(Object.values(FAULT_GROUPS).map((faults) => playGroup(faults, random.fork())));
  stage.links.heal();
  await stage.processes.settle();
  return played;
}

function seconds(ms: number): number {
  return Math.round(ms / 100) / 10;
}
