import type { Task } from '../kernel/kernel.ts';
import { startDrive } from './drive.ts';
import { planDelivery } from './planning.ts';
import { advanceRelease, makeRelease, offerRelease, rebindLanes, tellRun, withdrawRelease } from './releases.ts';
import type { Replica } from './replica.ts';
import { supersedeRuns } from './run-store.ts';
import type { Messages, OutboxRow, Topic } from './tables.ts';
import type { Target } from './target.ts';

const PER_TOPIC = 4;
const CLAIM_MS = 6_000;
const RETRY_MS = 500;
const RETRY_LIMIT_MS = 60_000;

type Handlers = { readonly [T in Topic]: (payload: Messages[T]) => Task };

export function handlersOf(replica: Replica, target: Target): Handlers {
  return {
    'plan-delivery': (payload) => planDelivery(replica, payload),
    *'look-at-pool'({ poolId }) {
      yield replica.at.store.statement();
      replica.at.queue.add(poolId);
    },
    'supersede-runs': (payload) => supersedeRuns(replica, payload),
    'make-release': (payload) => makeRelease(replica, payload),
    'withdraw-release': (payload) => withdrawRelease(replica, payload),
    'offer-release': (payload) => offerRelease(replica, payload),
    'advance-release': (payload) => advanceRelease(replica, payload),
    'tell-run': (payload) => tellRun(replica, payload),
    *'run-deployment'({ deploymentId }) {
      yield replica.at.store.statement();
      startDrive(replica, target, deploymentId);
    },
    'rebind-lanes': (payload) => rebindLanes(replica, payload),
  };
}

/** platform/outbox/outbox-relay.ts: claimed by state, carried out at least once, in no order. */
export function claimMessages(replica: Replica, handlers: Handlers): void {
  const { store, kernel, wiring } = replica.at;
  const busy = new Map<Topic, number>();
  for (const id of replica.carrying) {
    const topic = store.get('outbox', id)?.topic;
    if (topic) busy.set(topic, (busy.get(topic) ?? 0) + 1);
  }
  for (const message of store.rows('outbox').toSorted((a, b) => a.availableAt - b.availableAt)) {
    const running = busy.get(message.topic) ?? 0;
    if (message.availableAt > kernel.now || running >= PER_TOPIC) continue;
    busy.set(message.topic, running + 1);
    const claimed = { ...message, availableAt: kernel.now + CLAIM_MS, tries: message.tries + 1 };
    if (wiring.guards.outboxUntilDone) store.change('outbox', claimed);
    else store.remove('outbox', message.id);
    replica.carrying.add(message.id);
    kernel.spawn(replica.process, carryOut(replica, handlers, claimed), () => replica.carrying.delete(message.id));
  }
}

function* carryOut(replica: Replica, handlers: Handlers, { id, topic, payload, tries }: OutboxRow): Task {
  const { store, kernel } = replica.at;
  try {
    yield* (handlers[topic] as (payload: never) => Task)(payload as never);
  } catch (error) {
    const pause = Math.min(RETRY_MS * 2 ** Math.min(tries - 1, 20), RETRY_LIMIT_MS);
    yield store.statement();
    const row = store.get('outbox', id);
    if (row?.tries === tries) store.change('outbox', { ...row, availableAt: kernel.now + pause });
    throw error;
  }
  yield store.statement();
  if (store.get('outbox', id)) store.remove('outbox', id);
}

export function renewClaims(replica: Replica): void {
  const { store, kernel } = replica.at;
  for (const id of replica.carrying) {
    const row = store.get('outbox', id);
    if (row) store.change('outbox', { ...row, availableAt: kernel.now + CLAIM_MS });
  }
}
