import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decideRun } from './decide-run.ts';
import type { RunState } from './run.ts';
import type { RunDecision } from './run-draft.ts';
import { BrokenInvariant } from './testing/broken-invariant.ts';
import type { Move } from './testing/broken-invariant.ts';
import { playRun } from './testing/play-run.ts';
import { planOf } from './testing/run-builder.ts';
import type { JobSketch, PlanSketch } from './testing/run-builder.ts';

const nat = fc.nat({ max: 1000 });

const moves: fc.Arbitrary<Move[]> = fc.array(fc.record({ kind: nat, a: nat, b: nat }), { maxLength: 80, size: 'max' });

const trust = fc.oneof(
  { weight: 5, arbitrary: fc.constant('trusted' as const) },
  { weight: 1, arbitrary: fc.constant('untrusted' as const) },
);

const retry = fc.record({
  on: fc.subarray(['lost', 'errored', 'failed'] as const),
  times: fc.nat({ max: 2 }),
});

/** Needs point at earlier names, so there is no cycle; the order in the file is turned round half of the time. */
const jobs: fc.Arbitrary<Record<string, JobSketch>> = fc
  .tuple(fc.array(fc.tuple(fc.nat({ max: 15 }), retry), { maxLength: 4 }), fc.boolean())
  .map(([sketches, turned]) => {
    const entries = sketches.map(([mask, policy], index): [string, JobSketch] => [
      `j${index}`,
      { needs: sketches.flatMap((_, need) => (need < index && (mask >> need) & 1 ? [`j${need}`] : [])), retry: policy },
    ]);
    return Object.fromEntries(turned ? entries.toReversed() : entries);
  });

const planSketch: fc.Arbitrary<PlanSketch> = fc
  .record({
    commit: jobs,
    build: fc.option(retry, { freq: 4, nil: undefined }),
    test: jobs,
    environments: fc.nat({ max: 3 }),
  })
  .map(({ commit, build, test, environments }) => ({
    commit,
    test,
    ...(build && { build: { retry: build }, release: ['staging', 'production', 'edge'].slice(0, environments) }),
  }));

/** The same sequences each time; SLUICE_SEED tries others. A failure prints the shortest sequence that shows it. */
const seed = Number(process.env['SLUICE_SEED'] ?? 7);

test('I01 I02 I03 I05 I07 I08 I09 I19 I34 F20 F60: any sequence of commands keeps the invariants of a run and lets it end', () => {
  const ends = new Map<string, number>();
  fc.assert(
    fc.property(planSketch, trust, moves, (sketch, trusted, sequence) => {
      const { status } = playRun(decideRun, planOf(sketch), trusted, sequence);
      ends.set(status, (ends.get(status) ?? 0) + 1);
    }),
    { numRuns: 1000, seed },
  );
  // The generator is worth nothing if it never reaches an end: each of them must have been seen.
  for (const status of ['passed', 'failed', 'errored', 'cancelled', 'superseded']) {
    expect(ends.get(status) ?? 0, status).toBeGreaterThan(0);
  }
});

/** Deliberate bugs, each wrapped around the real decision; a check that lets one pass checks nothing. */
const BUGS: Record<string, { readonly breaks: readonly string[]; readonly decide: typeof decideRun }> = {
  'jobs start without waiting for their needs': {
    breaks: ['I08'],
    decide: (state, command, ctx) => {
      if (command.type !== 'create') return decideRun(state, command, ctx);
      const careless = { ...command.plan, jobs: command.plan.jobs.map((job) => ({ ...job, needs: [] })) };
      const decision = decideRun(state, { ...command, plan: careless }, ctx);
      return withEvents(decision, (event) => (event.type === 'run-created' ? { ...event, plan: command.plan } : event));
    },
  },
  'a late success after a cancel counts': {
    breaks: ['I19', 'I09'],
    decide: (state, command, ctx) =>
      decideRun(command.type === 'attempt-ended' && state ? without(state, 'cancelRequested') : state, command, ctx),
  },
  'a finished attempt may end again': {
    breaks: ['I02', 'F20', 'I05', 'I01'],
    decide: (state, command, ctx) => {
      if (command.type !== 'attempt-ended' || !state) return decideRun(state, command, ctx);
      const job = state.jobs[command.jobKey];
      if (!job) return decideRun(state, command, ctx);
      const attempts = job.attempts.map((one) =>
        one.id === command.attemptId ? { ...one, status: 'running' as const } : one,
      );
      return decideRun({ ...state, jobs: { ...state.jobs, [command.jobKey]: { ...job, attempts } } }, command, ctx);
    },
  },
  'a retry uses the number of the attempt before': {
    breaks: ['I03'],
    decide: (state, command, ctx) =>
      withEvents(decideRun(state, command, ctx), (event) =>
        event.type === 'attempt-queued' && event.number > 1 ? { ...event, number: event.number - 1 } : event,
      ),
  },
  'an untrusted run makes a release': {
    breaks: ['I15'],
    decide: (state, command, ctx) => decideRun(state && { ...state, trust: 'trusted' }, command, ctx),
  },
  'the end of the run is forgotten': {
    breaks: ['I07'],
    decide: (state, command, ctx) => {
      const decision = decideRun(state, command, ctx);
      if (decision.kind !== 'accepted') return decision;
      return { ...decision, events: decision.events.filter(({ type }) => type !== 'run-ended') };
    },
  },
  'an older word of a lane overwrites a newer one': {
    breaks: ['I01', 'I02', 'F20', 'I09'],
    decide: (state, command, ctx) => {
      const decision = decideRun(state, command, ctx);
      if (command.type !== 'lane-changed' || decision.kind !== 'ignored' || !state?.stages.release.startedAt)
        return decision;
      return { kind: 'accepted', events: [{ ...command, v: 2, at: ctx.now }], effects: [] };
    },
  },
};

describe('each planted bug is found by the checks', () => {
  test.each(Object.entries(BUGS))('%s', (_, { breaks, decide }) => {
    expect(breaks).toContain(foundBy(decide));
  });
});

function foundBy(decide: typeof decideRun): string {
  const result = fc.check(
    fc.property(
      planSketch,
      trust,
      moves,
      (sketch, trusted, sequence) => void playRun(decide, planOf(sketch), trusted, sequence),
    ),
    { numRuns: 500, seed, endOnFailure: true },
  );
  const cause: unknown = result.errorInstance;
  if (cause instanceof BrokenInvariant) return cause.id;
  return cause instanceof Error ? `a crash: ${cause.message}` : 'nothing';
}

function withEvents(decision: RunDecision, change: (event: AcceptedEvent) => AcceptedEvent): RunDecision {
  return decision.kind === 'accepted' ? { ...decision, events: decision.events.map(change) } : decision;
}
type AcceptedEvent = Extract<RunDecision, { kind: 'accepted' }>['events'][number];

function without(state: RunState, field: 'cancelRequested'): RunState {
  const { [field]: _, ...rest } = state;
  return rest;
}
