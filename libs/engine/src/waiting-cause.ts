import { isActiveDeployment } from './statuses.ts';
import type { PoolRequirement } from './choose-pool.ts';
import { isGateOpen } from './advance-lane.ts';
import type { LaneDeployment, LaneState } from './lane.ts';
import type { JobKey } from './plan.ts';
import type { Instant, RunState } from './run.ts';

/** Why something waits, since when, and what would end it: everything that waits must be able to say so (I07). */
export interface WaitingCause {
  readonly code: 'retry-pause' | 'no-pool' | 'no-runner' | 'runner-busy' | 'approval' | 'behind-deployment';
  readonly message: string;
  readonly since: Instant;
  readonly endedBy: string;
}

/** More would fill the screen. */
const SHOWN_RUNNERS = 3;

export interface QueuedAttempt {
  readonly kind: 'attempt';
  readonly requirement: PoolRequirement;
  readonly readyAt: Instant;
  /** The pool that `choosePool` gave; absent when none fits. */
  readonly pool?: {
    readonly name: string;
    /** Runners seen lately that fit. */
    readonly runnersOnline: number;
    /** Those of them that take no work, with the reason they give (null: they are told to end). */
    readonly unfit?: readonly { readonly name: string; readonly trouble: string | null }[];
    /** Ready attempts that are served before this one. */
    readonly ahead: number;
  };
}

export interface WaitingDeployment {
  readonly kind: 'deployment';
  readonly lane: Pick<LaneState, 'open' | 'settings' | 'environment'>;
  readonly deploymentId: string;
}

/** A job between two attempts. */
export interface WaitingRetry {
  readonly kind: 'retry';
  readonly state: Pick<RunState, 'jobs'>;
  readonly jobKey: JobKey;
}

/** undefined = nothing is in the way: it is about to start, or it does not wait. */
export function waitingCause(waiting: QueuedAttempt | WaitingDeployment | WaitingRetry): WaitingCause | undefined {
  switch (waiting.kind) {
    case 'attempt':
      return attemptCause(waiting);
    case 'deployment':
      return deploymentCause(waiting);
    case 'retry':
      return retryCause(waiting);
  }
}

function retryCause({ state, jobKey }: WaitingRetry): WaitingCause | undefined {
  const { retryAt, attempts = [] } = state.jobs[jobKey] ?? {};
  const last = attempts.at(-1);
  if (retryAt === undefined || last === undefined) return undefined;
  return {
    code: 'retry-pause',
    message: `Attempt ${last.number} was ${last.status}; the pause before attempt ${last.number + 1} is not over.`,
    since: last.finishedAt ?? last.queuedAt,
    endedBy: `The end of the pause at ${retryAt}.`,
  };
}

function attemptCause({ requirement, readyAt: since, pool }: QueuedAttempt): WaitingCause {
  const { trust, labels } = requirement;
  const kind = `${trust} runs${labels.length > 0 ? ` with the labels ${labels.join(', ')}` : ''}`;
  if (!pool) {
    return {
      code: 'no-pool',
      message: `No pool takes ${kind}.`,
      since,
      endedBy: `A pool of this team, or a shared one, for ${kind}.`,
    };
  }
  if (pool.runnersOnline === 0) {
    return {
      code: 'no-runner',
      message: `No runner of the pool ${pool.name} is connected.`,
      since,
      endedBy: `A runner of the pool ${pool.name} that connects.`,
    };
  }
  const { unfit = [] } = pool;
  if (unfit.length >= pool.runnersOnline) {
    const why = unfit.map(({ name, trouble }) => `${name}: ${trouble ?? 'It ends after its present jobs.'}`);
    return {
      code: 'no-runner',
      message: `No runner of the pool ${pool.name} takes work. ${why.slice(0, SHOWN_RUNNERS).join(' ')}`,
      since,
      endedBy: `The end of that trouble, or another runner of the pool ${pool.name}.`,
    };
  }
  const ahead = pool.ahead === 0 ? 'this is next' : `${pool.ahead} ${pool.ahead === 1 ? 'job is' : 'jobs are'} ahead`;
  return {
    code: 'runner-busy',
    message: `${counted(pool.runnersOnline, 'runner')} of the pool ${pool.name} ${pool.runnersOnline === 1 ? 'is' : 'are'} busy; ${ahead}.`,
    since,
    endedBy: `A runner of the pool ${pool.name} that becomes free, or another one.`,
  };
}

function deploymentCause({ lane, deploymentId }: WaitingDeployment): WaitingCause | undefined {
  const deployment = lane.open.find(({ id }) => id === deploymentId);
  if (deployment?.status !== 'waiting') return undefined;
  const { gate } = lane.settings;
  if (!isGateOpen(gate, deployment)) {
    const given = new Set(deployment.approvals.map(({ userId }) => userId)).size;
    return {
      code: 'approval',
      message: `${given} of ${counted(gate.approvals, 'approval')} given for ${lane.environment}.`,
      since: deployment.enteredAt,
      endedBy: `${counted(gate.approvals - given, 'approval')} by ${gate.roles.join(' or ') || 'a role yet to be named'}.`,
    };
  }
  const active = lane.open.find(({ status }) => isActiveDeployment(status));
  return active && behind(active, deployment);
}

function behind(active: LaneDeployment, deployment: LaneDeployment): WaitingCause {
  const verb = active.status === 'unknown' ? 'is being looked up after its target did not answer' : 'is being deployed';
  return {
    code: 'behind-deployment',
    message: `The release of run ${active.release.runNumber} ${verb} here.`,
    since: deployment.approvals.at(-1)?.at ?? deployment.enteredAt,
    endedBy: `The end of the deployment of run ${active.release.runNumber}.`,
  };
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
