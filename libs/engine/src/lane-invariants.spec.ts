import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decideLane } from './decide-lane.ts';
import type { LaneEvent, LaneState } from './lane.ts';
import type { LaneDecision } from './lane-draft.ts';
import { BrokenInvariant } from './testing/broken-invariant.ts';
import type { Move } from './testing/broken-invariant.ts';
import { playLane } from './testing/play-lane.ts';

const nat = fc.nat({ max: 1000 });
const moves: fc.Arbitrary<Move[]> = fc.array(fc.record({ kind: nat, a: nat, b: nat }), { maxLength: 80, size: 'max' });

/** The same sequences each time; SLUICE_SEED tries others. A failure prints the shortest sequence that shows it. */
const seed = Number(process.env['SLUICE_SEED'] ?? 7);

test('I01 I02 I07 I13 I14 I15 I16 I17 I18 I34 F20 F56 F58 F67: any sequence of commands keeps the invariants of a lane', () => {
  const seen = new Map<string, number>();
  fc.assert(
    fc.property(moves, (sequence) => {
      for (const status of playLane(decideLane, sequence)) seen.set(status, (seen.get(status) ?? 0) + 1);
    }),
    { numRuns: 600, seed },
  );
  // The generator is worth nothing if it never gets there: each status must have been seen.
  for (const status of [
    'passed',
    'failed',
    'errored',
    'rolled-back',
    'cancelled',
    'superseded',
    'waiting',
    'running',
    'unknown',
  ]) {
    expect(seen.get(status) ?? 0, status).toBeGreaterThan(0);
  }
});

/** Deliberate bugs, each wrapped around the real decision; a check that lets one pass checks nothing. */
const BUGS: Record<string, { readonly breaks: readonly string[]; readonly decide: typeof decideLane }> = {
  'the same person counts twice': {
    breaks: ['I16', 'F20'],
    decide: (state, command, ctx) => {
      if (command.type !== 'approve' || !state) return decideLane(state, command, ctx);
      const alias = { ...command.by, userId: `${command.by.userId}#${state.version}` };
      return withEvents(decideLane(state, { ...command, by: alias }, ctx), (event) =>
        event.type === 'approved' ? { ...event, approval: { ...event.approval, userId: command.by.userId } } : event,
      );
    },
  },
  'the binding of an approval is not compared': {
    breaks: ['I17'],
    decide: (state, command, ctx) => {
      const waiting = state?.open.find(({ id }) => command.type === 'approve' && id === command.deploymentId);
      return decideLane(
        state,
        command.type === 'approve' && waiting ? { ...command, binding: waiting.binding } : command,
        ctx,
      );
    },
  },
  'approvals outlive a change of the settings': {
    breaks: ['I17'],
    decide: (state, command, ctx) =>
      withEvents(decideLane(state, command, ctx), (event) =>
        event.type === 'settings-changed' ? { ...event, bindings: {} } : event,
      ),
  },
  'a second deployment starts beside the first': {
    breaks: ['I13'],
    decide: (state, command, ctx) =>
      decideLane(state && command.type === 'offer' ? unheld(state) : state, command, ctx),
  },
  'the deployment is started twice': {
    breaks: ['I18'],
    decide: (state, command, ctx) => {
      const decision = decideLane(state, command, ctx);
      if (decision.kind !== 'accepted') return decision;
      return {
        ...decision,
        effects: [...decision.effects, ...decision.effects.filter(({ type }) => type === 'start-deployment')],
      };
    },
  },
  'contributors may approve': {
    breaks: ['I16'],
    decide: (state, command, ctx) =>
      decideLane(
        state,
        command.type === 'approve'
          ? { ...command, contributors: { ...command.contributors, contributors: [] } }
          : command,
        ctx,
      ),
  },
  'who is linked to nobody counts as somebody else': {
    breaks: ['I16'],
    decide: (state, command, ctx) => {
      if (command.type !== 'approve') return decideLane(state, command, ctx);
      const contributors = command.contributors.contributors.filter(({ userId }) => userId !== undefined);
      return decideLane(state, { ...command, contributors: { ...command.contributors, contributors } }, ctx);
    },
  },
  'logins in other capitals ask for more than they need': {
    breaks: ['I07', 'F20'],
    decide: (state, command, ctx) =>
      withEvents(decideLane(state, command, ctx), (event) =>
        event.type === 'approved' && event.unlinked
          ? { ...event, unlinked: [...event.unlinked, ...event.unlinked] }
          : event,
      ),
  },
  'an older release may replace what is live': {
    breaks: ['I14'],
    decide: (state, command, ctx) => decideLane(state && withoutLive(state), command, ctx),
  },
  'a release that ended here may come again': {
    breaks: ['F20', 'I02'],
    decide: (state, command, ctx) => decideLane(state && { ...state, endedReleases: [] }, command, ctx),
  },
};

describe('each planted bug is found by the checks', () => {
  test.each(Object.entries(BUGS))('%s', (_, { breaks, decide }) => {
    expect(breaks).toContain(foundBy(decide));
  });
});

function foundBy(decide: typeof decideLane): string {
  const result = fc.check(
    fc.property(moves, (sequence) => void playLane(decide, sequence)),
    { numRuns: 600, seed, endOnFailure: true },
  );
  const cause: unknown = result.errorInstance;
  if (cause instanceof BrokenInvariant) return cause.id;
  return cause instanceof Error ? `a crash: ${cause.message}` : 'nothing';
}

function withEvents(decision: LaneDecision, change: (event: LaneEvent) => LaneEvent): LaneDecision {
  return decision.kind === 'accepted' ? { ...decision, events: decision.events.map(change) } : decision;
}

function unheld(state: LaneState): LaneState {
  const held = state.open.filter(({ status }) => status !== 'waiting').map(({ release }) => release.releaseId);
  return {
    ...state,
    open: state.open.filter(({ status }) => status === 'waiting'),
    endedReleases: [...(state.endedReleases ?? []), ...held],
  };
}

function withoutLive(state: LaneState): LaneState {
  const { live: _, ...rest } = state;
  return rest;
}
