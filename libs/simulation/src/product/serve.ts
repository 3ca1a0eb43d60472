import type { Task } from '../kernel/kernel.ts';
import { startDrive, unheldDeployments } from './drive.ts';
import { claimMessages, handlersOf, renewClaims } from './relay.ts';
import { WAKE_MS, wakeRuns } from './wake-runs.ts';
import { sweep, SWEEP_MS, vouchForPolls } from './reconcile.ts';
import type { Replica } from './replica.ts';
import { Signal } from '../kernel/kernel.ts';
import type { Target } from './target.ts';

/** A server that starts: its loops, as the modules start them. Everything it knows is in the store. */
export function serve(replica: Replica, target: Target): void {
  const { kernel, random } = replica.at;
  replica.id = replica.at.newId('replica');
  replica.waiting.clear();
  replica.carrying.clear();
  replica.driving.clear();
  replica.suspiciousSince = undefined;
  replica.dieAt = undefined;
  kernel.revive(replica.process);
  const handlers = handlersOf(replica, target);
  const loop = (ms: number, body: () => Task | void) =>
    kernel.spawn(replica.process, repeat(replica, ms + random.between(0, 50), body));
  kernel.spawn(replica.process, relaying(replica, handlers));
  loop(2_000, () => renewClaims(replica));
  loop(SWEEP_MS, () => sweep(replica));
  loop(SWEEP_MS, () => unheldDeployments(replica).forEach((id) => startDrive(replica, target, id)));
  loop(WAKE_MS, () => wakeRuns(replica));
  loop(2_000, () => vouchForPolls(replica));
}

function* repeat(replica: Replica, ms: number, body: () => Task | void): Task {
  for (;;) {
    yield ms;
    try {
      const work = body();
      if (work) yield* work;
    } catch (error) {
      if (!(error instanceof Error) || error.name === 'BrokenInvariant') throw error;
      replica.relayWake.give();
    }
  }
}

function* relaying(replica: Replica, handlers: ReturnType<typeof handlersOf>): Task {
  for (;;) {
    replica.relayWake = new Signal();
    yield replica.at.store.statement();
    claimMessages(replica, handlers);
    yield { signal: replica.relayWake as Signal<unknown>, ms: 1_000 };
  }
}
