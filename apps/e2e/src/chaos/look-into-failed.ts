import { setTimeout as pause } from 'node:timers/promises';
import { announcePush } from './announce-push.ts';
import type { ChaosService } from './chaos-services.ts';
import type { People } from './people.ts';
import type { WorkParts } from './work-parts.ts';

const ABSENT = '0'.repeat(40);
const REF = 'refs/heads/main';
/** Keys between which faults may come. */
const MOST_LINES = 8;

/**
 * Someone whose job fails each time: it is run again with its container kept, a shell is opened in it and typed into, and then it is ended,
 * or the shell is closed, or both are just left behind.
 */
export async function lookIntoFailed(service: ChaosService, parts: WorkParts, people: People): Promise<void> {
  const { world, random, isOver, record, pushed } = parts;
  const after = await service.tree.commitAll('fails');
  await service.tree.push(world.gitHost.repositoryUrl(service.name, 'dana'));
  pushed({ service: service.name, commit: after });
  await announcePush(world, { service, moved: { before: ABSENT, after, ref: REF } }, random, 1, isOver, record);
  while (!isOver()) {
    await pause(random.between(500, 3_000));
    try {
      const run = await people.findRun(service.name, after, random);
      if (run === undefined || !people.isOver(run)) continue;
      const runId = await people.rerunKept(run, random);
      const attempt = await keptOf(runId, parts, people);
      if (attempt === undefined) continue;
      const shell = await people.openShell(attempt, random);
      for (let lines = random.between(1, MOST_LINES); lines > 0 && !isOver(); lines -= 1) {
        await people.typeInto(shell, random);
        await pause(random.between(100, 2_000));
      }
      if (random.chance(40)) await people.endKept(attempt, random);
      else if (random.chance(50)) await people.closeShell(shell, random);
    } catch {
      // A server that is down just now, or a container that has gone with its runner.
    }
  }
}

/** Undefined: the time is over, or its runner did not live to keep it. */
async function keptOf(runId: string, { random, isOver }: WorkParts, people: People): Promise<string | undefined> {
  const patienceEndsAt = performance.now() + 45_000;
  while (!isOver() && performance.now() < patienceEndsAt) {
    await pause(500);
    const attempt = await people.findKept(runId, random).catch(() => undefined);
    if (attempt !== undefined) return attempt;
  }
  return undefined;
}
