import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decideRun } from './decide-run.ts';
import { planRerun } from './plan-rerun.ts';
import { STAGE_ORDER } from './plan-run.ts';
import type { JobKey, Plan } from './plan.ts';
import type { DecideContext, RerunScope, RunCommand, RunState } from './run.ts';
import type { RunDecision } from './run-draft.ts';
import { BrokenInvariant } from './testing/broken-invariant.ts';
import type { Move } from './testing/broken-invariant.ts';
import { FALSE_CONDITION, TRUE_CONDITION } from './testing/check-run.ts';
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
  exit: fc.subarray([75, 1]),
  delaySeconds: fc.constantFrom(0, 0, 10, 30),
  factor: fc.constantFrom(1, 2),
});

const often = <T>(usual: T, ...others: T[]): fc.Arbitrary<T> =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...others) });

const shape = fc.record({
  mask: fc.nat({ max: 15 }),
  retry,
  when: often<'success' | 'failure' | 'always'>('success', 'failure', 'always'),
  condition: often<'none' | 'true' | 'false' | 'need'>('none', 'true', 'false', 'need'),
  allowFailure: often(false, true),
  outputs: often<string[]>([], ['url']),
  inMatrix: often(false, true),
  generates: often(false, true),
});

/** Needs point at earlier names, so there is no cycle; the order in the file is turned round half of the time. */
const jobs = (stage: 'commit' | 'test'): fc.Arbitrary<Record<string, JobSketch>> =>
  fc.tuple(fc.array(shape, { maxLength: 4 }), fc.boolean()).map(([shapes, turned]) => {
    const names = shapes.map(({ inMatrix }, index) => (inMatrix ? `m[n=${index}]` : `j${index}`));
    const entries = shapes.map(({ mask, inMatrix, generates, condition, ...rest }, index): [string, JobSketch] => {
      const needs = names.filter((_, need) => need < index && (mask >> need) & 1);
      const [need] = needs;
      const conditions = {
        none: undefined,
        true: TRUE_CONDITION,
        false: FALSE_CONDITION,
        need: need === undefined ? undefined : `${stage}["${need.replace(/\[.*$/, '')}"].status == "passed"`,
      };
      const text = conditions[condition];
      const variant = { of: 'm', values: { n: `${index}` } };
      return [
        names[index]!,
        {
          ...rest,
          needs,
          ...(text && { if: text }),
          ...(inMatrix ? { variant, outputs: [] } : generates && { generate: true }),
        },
      ];
    });
    return Object.fromEntries(turned ? entries.toReversed() : entries);
  });

const timeouts = fc.record(
  { commit: fc.constantFrom(20, 60), build: fc.constantFrom(20, 60), test: fc.constantFrom(20, 60) },
  { requiredKeys: [] },
);

const planSketch: fc.Arbitrary<PlanSketch> = fc
  .record({
    commit: jobs('commit'),
    build: fc.option(retry, { freq: 4, nil: undefined }),
    test: jobs('test'),
    environments: fc.nat({ max: 3 }),
    timeouts: fc.option(timeouts, { freq: 2, nil: {} }),
    cancel: fc.boolean(),
  })
  .map(({ commit, build, test, environments, timeouts: limits, cancel }) => ({
    commit,
    test,
    timeouts: limits,
    ...(cancel && { concurrency: { cancel: 'superseded' as const } }),
    ...(build && { build: { retry: build }, release: ['staging', 'production', 'edge'].slice(0, environments) }),
  }));

/** The same sequences each time; SLUICE_SEED tries others. A failure prints the shortest sequence that shows it. */
const seed = Number(process.env['SLUICE_SEED'] ?? 7);

test('I01 I02 I03 I05 I07 I08 I09 I19 I34 F20 F60: any sequence of commands keeps the invariants of a run and lets it end', () => {
  const ends = new Map<string, number>();
  let grown = 0;
  fc.assert(
    fc.property(planSketch, trust, moves, (sketch, trusted, sequence) => {
      const { status, plan } = playRun(decideRun, planOf(sketch), trusted, sequence);
      ends.set(status, (ends.get(status) ?? 0) + 1);
      if (plan.jobs.some(({ generatedBy }) => generatedBy !== undefined)) grown++;
    }),
    { numRuns: 1000, seed },
  );
  // The generator is worth nothing if it never reaches an end: each of them must have been seen.
  for (const status of ['passed', 'failed', 'errored', 'cancelled', 'superseded']) {
    expect(ends.get(status) ?? 0, status).toBeGreaterThan(0);
  }
  expect(grown).toBeGreaterThan(50);
});

test('I02 I05 I07 I08 I09 I15 I34: a re-run of any part keeps the invariants, and takes over only what stands', () => {
  let carriedOver = 0;
  fc.assert(
    fc.property(planSketch, moves, moves, nat, (sketch, first, second, pick) => {
      const plan = planOf(sketch);
      const old = playRun(decideRun, plan, 'trusted', first);
      const scopes: RerunScope[] = [
        { kind: 'failed' },
        ...STAGE_ORDER.map((stage): RerunScope => ({ kind: 'stage', stage })),
        ...plan.jobs.map(({ key }): RerunScope => ({ kind: 'job', job: key })),
      ];
      const scope = scopes[pick % scopes.length] ?? { kind: 'all' };
      const answer = planRerun(old, scope);
      if (answer.kind === 'rejected' || !answer.carried) return;
      carriedOver++;
      const { jobs, image } = answer.carried;
      for (const planned of old.plan.jobs) {
        if (!jobs[planned.key]) continue;
        const { status, allowed } = old.jobs[planned.key] ?? {};
        expect(status === 'passed' || status === 'skipped' || allowed).toBe(true);
        // What it needed stands too, or it would have to be done again.
        for (const need of planned.needs) expect(Object.keys(jobs)).toContain(need);
      }
      if (jobs['build/image']?.status === 'passed') expect(image).toEqual(old.image);
      const again = playRun(decideRun, old.plan, 'trusted', second, answer.carried);
      expect(again.plan.jobs.filter(({ generated }) => generated).length).toBeGreaterThanOrEqual(
        old.plan.jobs.filter(({ generated }) => generated).length,
      );
      for (const [key, job] of Object.entries(jobs))
        expect(again.jobs[key as JobKey]).toMatchObject({ ...job, carriedFrom: old.runId, attempts: [] });
    }),
    { numRuns: 500, seed },
  );
  expect(carriedOver).toBeGreaterThan(100);
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
  'conditions are not asked': {
    breaks: ['I08'],
    decide: (state, command, ctx) =>
      withPlan(state, command, ctx, (plan) => ({ ...plan, jobs: plan.jobs.map(({ if: _, ...job }) => job) })),
  },
  'a retry does not wait for its pause': {
    breaks: ['retry'],
    decide: (state, command, ctx) =>
      withPlan(state, command, ctx, (plan) => ({
        ...plan,
        jobs: plan.jobs.map((job) => ({ ...job, retry: { ...job.retry, delaySeconds: 0 } })),
      })),
  },
  'the time of a stage is not looked at': {
    breaks: ['I07', 'timeout'],
    decide: (state, command, ctx) => withPlan(state, command, ctx, (plan) => ({ ...plan, stageTimeouts: {} })),
  },
  'nobody is woken': {
    breaks: ['I07'],
    decide: (state, command, ctx) =>
      command.type === 'wake' ? { kind: 'ignored', why: 'asleep' } : decideRun(state, command, ctx),
  },
  'what a job generates is forgotten': {
    breaks: ['generated'],
    decide: (state, command, ctx) => withoutEvent(decideRun(state, command, ctx), 'jobs-generated'),
  },
  'a stage ends without what was generated': {
    breaks: ['I02', 'I07', 'generated'],
    decide: (state, command, ctx) => {
      const decision = decideRun(state, command, ctx);
      if (decision.kind !== 'accepted') return decision;
      const late = decision.events.filter(({ type }) => type === 'jobs-generated');
      return { ...decision, events: [...decision.events.filter((event) => !late.includes(event)), ...late] };
    },
  },
  'a job that generates is believed twice': {
    breaks: ['I05', 'I02', 'F20', 'I01', 'generated'],
    decide: (state, command, ctx) =>
      withEvents(decideRun(state, command, ctx), (event) =>
        event.type === 'jobs-generated' ? { ...event, jobs: [...event.jobs, ...event.jobs] } : event,
      ),
  },
  'generated jobs are not counted': {
    breaks: ['generated'],
    decide: (state, command, ctx) => {
      if (command.type !== 'attempt-ended' || !command.generated) return decideRun(state, command, ctx);
      const { generated } = command;
      return withEvents(decideRun(state, { ...command, generated: generated.slice(0, 100) }, ctx), (event) =>
        event.type === 'jobs-generated' ? { ...event, jobs: generated } : event,
      );
    },
  },
  'an allowed failure is forgotten': {
    breaks: ['allowed', 'I09'],
    decide: (state, command, ctx) =>
      withEvents(decideRun(state, command, ctx), (event) => {
        if (event.type !== 'job-ended') return event;
        const { allowed: _, ...rest } = event;
        return rest;
      }),
  },
  'a job passes without its outputs': {
    breaks: ['outputs'],
    decide: (state, command, ctx) =>
      withPlan(state, command, ctx, (plan) => ({ ...plan, jobs: plan.jobs.map((job) => ({ ...job, outputs: [] })) })),
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
  'a held run begins by itself': {
    breaks: ['I24'],
    decide: (state, command, ctx) => {
      const { held, ...free } = state ?? {};
      if (command.type !== 'create') return decideRun(held ? (free as RunState) : state, command, ctx);
      const { held: wanted, ...unheld } = command;
      return withEvents(decideRun(state, wanted ? unheld : command, ctx), (event) =>
        event.type === 'run-created' && wanted ? { ...event, held: wanted } : event,
      );
    },
  },
  'an untrusted run makes a release': {
    breaks: ['I15'],
    decide: (state, command, ctx) => decideRun(state && { ...state, trust: 'trusted' }, command, ctx),
  },
  'the end of the run is forgotten': {
    breaks: ['I07'],
    decide: (state, command, ctx) => withoutEvent(decideRun(state, command, ctx), 'run-ended'),
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

function withoutEvent(decision: RunDecision, unwanted: AcceptedEvent['type']): RunDecision {
  return decision.kind === 'accepted'
    ? { ...decision, events: decision.events.filter(({ type }) => type !== unwanted) }
    : decision;
}
type AcceptedEvent = Extract<RunDecision, { kind: 'accepted' }>['events'][number];

/** Decides by another plan than the one that is stored. */
function withPlan(
  state: RunState | undefined,
  command: RunCommand,
  ctx: DecideContext,
  change: (plan: Plan) => Plan,
): RunDecision {
  if (command.type !== 'create') return decideRun(state && { ...state, plan: change(state.plan) }, command, ctx);
  return withEvents(decideRun(state, { ...command, plan: change(command.plan) }, ctx), (event) =>
    event.type === 'run-created' ? { ...event, plan: command.plan } : event,
  );
}

function without(state: RunState, field: 'cancelRequested'): RunState {
  const { [field]: _, ...rest } = state;
  return rest;
}
