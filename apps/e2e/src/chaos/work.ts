import { setTimeout as pause } from 'node:timers/promises';
import { announcePush, type Announcement } from './announce-push.ts';
import type { ChaosService } from './chaos-services.ts';
import { lookIntoFailed } from './look-into-failed.ts';
import { People } from './people.ts';
import type { WorkParts } from './work-parts.ts';

const ABSENT = '0'.repeat(40);
const REF = 'refs/heads/main';

/** An ordinary day of the team until it is over: pushes, webhooks that come twice or late, gates, cancels, re-runs, shells in kept containers. */
export async function doWork(parts: WorkParts): Promise<void> {
  const people = new People(parts.world, parts.record);
  await Promise.all([
    ...parts.services.map((service) => develop(service, { ...parts, random: parts.random.fork() }, people)),
    people.decideGates(parts.random.fork(), parts.isOver),
    lookIntoFailed(parts.failing, { ...parts, random: parts.random.fork() }, people),
  ]);
}

async function develop(service: ChaosService, parts: WorkParts, people: People): Promise<void> {
  const { world, random, isOver, record } = parts;
  const tell = (announcement: Announcement, times = 1) =>
    announcePush(world, announcement, random, times, isOver, record);
  let before = ABSENT;
  let withheld: Announcement | undefined;
  while (!isOver()) {
    const after = await service.tree.commitAll(`after ${before.slice(0, 12)}`);
    await service.tree.push(world.gitHost.repositoryUrl(service.name, 'dana'));
    parts.pushed({ service: service.name, commit: after });
    const push: Announcement = { service, moved: { before, after, ref: REF } };
    before = after;
    if (withheld === undefined && random.chance(15)) {
      withheld = push;
      continue;
    }
    await tell(push, random.chance(30) ? 3 : 1);
    if (withheld !== undefined) await tell(withheld);
    withheld = undefined;
    await followRun(service.name, after, parts, people);
    // Once more, under another id, when it is long done.
    if (random.chance(20)) await tell(push);
  }
}

/** Waits for the run's end, or for as long as this person has patience; sometimes calls it off, sometimes wants it again. */
async function followRun(service: string, commit: string, parts: WorkParts, people: People): Promise<void> {
  const { random, isOver } = parts;
  const patienceEndsAt = performance.now() + random.between(10_000, 60_000);
  const cancelAt = random.chance(20) ? performance.now() + random.between(500, 12_000) : Number.POSITIVE_INFINITY;
  let hasCancelled = false;
  while (!isOver() && performance.now() < patienceEndsAt) {
    await pause(500);
    try {
      const run = await people.findRun(service, commit, random);
      if (run === undefined) continue;
      if (people.isOver(run)) {
        if (random.chance(20)) await people.rerun(run, random);
        return;
      }
      if (!hasCancelled && performance.now() >= cancelAt) {
        await people.cancel(run, random);
        hasCancelled = true;
      }
    } catch {
      // A server that is down just now, or a run that has ended meanwhile.
    }
  }
}
