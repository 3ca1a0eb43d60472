import type { LaneCommand, LaneState, RunEvent } from '@sluice/engine';
import { REAL_WIRING, type Wiring } from './product/wiring.ts';

/**
 * Deliberate bugs, each a mistake that such a product has made or could make. They live here alone: a wrapper around a
 * decision, or a guard of the shell turned off. The simulation is trusted as long as it finds each of them.
 */
export interface PlantedBug {
  readonly name: string;
  readonly what: string;
  /** Invariants of which one must be seen broken. */
  readonly breaks: readonly string[];
  /** A seed that finds it, found by `npm run simulate -- --bugs`. */
  readonly seed: number;
  readonly wiring: Wiring;
}

const real = REAL_WIRING;
const without = (guards: Partial<Wiring['guards']>): Wiring => ({ ...real, guards: { ...real.guards, ...guards } });

export const PLANTED_BUGS: readonly PlantedBug[] = [
  {
    name: 'unguarded-run-write',
    what: 'A run is written without its row lock, expected version and event key: the later of two writers wins.',
    breaks: ['I01', 'I02', 'I03', 'I34', 'crash'],
    seed: 2,
    wiring: without({ runWrites: false }),
  },
  {
    name: 'epoch-ignored',
    what: 'A result counts whatever epoch it carries.',
    breaks: ['I06'],
    seed: 22,
    wiring: {
      ...real,
      endLease: (lease, by, outcome) =>
        lease.status === 'running'
          ? real.endLease(lease, { runnerId: lease.runnerId ?? by.runnerId, epoch: lease.epoch }, outcome)
          : real.endLease(lease, by, outcome),
    },
  },
  {
    name: 'clicks-instead-of-people',
    what: 'Two clicks of one person open a gate that needs two people.',
    breaks: ['I16'],
    seed: 2,
    wiring: {
      ...real,
      decideLane: (state, command, context) => real.decideLane(state, asAnother(state, command), context),
    },
  },
  {
    name: 'self-approval',
    what: 'Who pushed or triggered the change may approve it.',
    breaks: ['I16'],
    seed: 1,
    wiring: {
      ...real,
      decideLane: (state, command, context) =>
        real.decideLane(
          state,
          command.type === 'approve'
            ? { ...command, contributors: { ...command.contributors, contributors: [] } }
            : command,
          context,
        ),
    },
  },
  {
    name: 'unlinked-is-somebody-else',
    what: 'Who pushed under a login that is linked to nobody counts as none of the approvers.',
    breaks: ['I16'],
    seed: 4,
    wiring: {
      ...real,
      decideLane: (state, command, context) => {
        if (command.type !== 'approve') return real.decideLane(state, command, context);
        const contributors = command.contributors.contributors.filter(({ userId }) => userId !== undefined);
        return real.decideLane(state, { ...command, contributors: { ...command.contributors, contributors } }, context);
      },
    },
  },
  {
    name: 'approvals-outlive-settings',
    what: 'New settings of an environment reach its lanes by message only and do not void what was approved before.',
    breaks: ['I16', 'I17'],
    seed: 2,
    wiring: {
      ...without({ bindBeforeDeciding: false }),
      decideLane: (state, command, context) =>
        command.type === 'change-settings'
          ? { kind: 'ignored', why: 'The settings do not matter.' }
          : real.decideLane(state, command, context),
    },
  },
  {
    name: 'granted-twice',
    what: 'Two replicas that look at one pool give the same attempt to two runners.',
    breaks: ['I04', 'I26'],
    seed: 2,
    wiring: without({ grants: false }),
  },
  {
    name: 'limit-counted-outside',
    what: 'Two replicas that look at two pools of a team each count its running jobs before the other has granted.',
    breaks: ['I26'],
    seed: 5,
    wiring: without({ limits: false }),
  },
  {
    name: 'group-overtaken',
    what: 'A run of a group gets a runner although the group has its most at work.',
    breaks: ['I26'],
    seed: 1,
    wiring: without({ groups: false }),
  },
  {
    name: 'message-lost-on-crash',
    what: 'A message leaves the outbox before it is carried out, and dies with its process.',
    breaks: ['I22', 'I28', 'I30'],
    seed: 1,
    wiring: without({ outboxUntilDone: false }),
  },
  {
    name: 'leases-for-ever',
    what: 'The lease of a runner that is gone never runs out.',
    breaks: ['I28'],
    seed: 2,
    wiring: { ...real, expireLease: () => ({ kind: 'ignored', why: 'It will come back.' }) },
  },
  {
    name: 'older-over-newer',
    what: 'A release that comes late replaces the newer one that is live.',
    breaks: ['I14'],
    seed: 5,
    wiring: {
      ...real,
      decideLane: (state, command, context) =>
        real.decideLane(state?.live && command.type !== 'approve' ? withoutOrder(state) : state, command, context),
    },
  },
  {
    name: 'result-after-cancel',
    what: 'A success that comes after the cancel was acknowledged counts.',
    breaks: ['I19'],
    seed: 1,
    wiring: {
      ...real,
      decideRun: (state, command, context) => {
        if (!state?.cancelRequested || command.type !== 'attempt-ended') return real.decideRun(state, command, context);
        const { cancelRequested: _, ...rest } = state;
        return real.decideRun(rest, command, context);
      },
    },
  },
  {
    name: 'attempt-number-reused',
    what: 'A retry has the number of the attempt before it.',
    breaks: ['I03'],
    seed: 1,
    wiring: {
      ...without({ attemptNumbers: false }),
      decideRun: (state, command, context) => {
        const decision = real.decideRun(state, command, context);
        if (decision.kind !== 'accepted') return decision;
        return {
          ...decision,
          events: decision.events.map((event): RunEvent =>
            event.type === 'attempt-queued' ? { ...event, number: 1 } : event,
          ),
        };
      },
    },
  },
  {
    name: 'digest-by-tag',
    what: 'A deployment takes what the tag points to now, not the digest that was built and approved.',
    breaks: ['I15'],
    seed: 2,
    wiring: { ...real, digestOf: (_release, tag) => tag() },
  },
  {
    name: 'created-again-unseen',
    what: 'A driver that heard nothing calls the target again without a look.',
    breaks: ['I18'],
    seed: 4,
    wiring: without({ lookBeforeActing: false }),
  },
  {
    name: 'cancelled-release-at-gate',
    what: 'A gate opens for a run whose cancel was acknowledged, because the word has not yet come to the lane.',
    breaks: ['I19'],
    seed: 201,
    wiring: without({ cancelledAtGate: false }),
  },
  {
    name: 'let-go-unseen',
    what: "A person's word for one commit of a fork lets another one go, which nobody has looked at.",
    breaks: ['I24'],
    seed: 2,
    wiring: {
      ...real,
      decideRun: (state, command, context) =>
        real.decideRun(
          state,
          command.type === 'admit' && state ? { ...command, commit: state.commit } : command,
          context,
        ),
    },
  },
];

/** The lane takes a second click for another person with the same rights. */
function asAnother(state: LaneState | undefined, command: LaneCommand): LaneCommand {
  if (command.type !== 'approve') return command;
  const given = state?.open.find(({ id }) => id === command.deploymentId)?.approvals ?? [];
  const before = given.filter(({ userId }) => userId.split('#')[0] === command.by.userId).length;
  return before === 0 ? command : { ...command, by: { ...command.by, userId: `${command.by.userId}#${before + 1}` } };
}

function withoutOrder(state: LaneState): LaneState {
  const { live, ...rest } = state;
  return live ? { ...rest, live: { ...live, release: { ...live.release, runNumber: 0 } } } : state;
}
