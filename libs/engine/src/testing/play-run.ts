import { isTerminal } from '../statuses.ts';
import type { DeploymentStatus } from '../statuses.ts';
import type { decideRun } from '../decide-run.ts';
import { evolveRun, foldRun } from '../evolve-run.ts';
import { STAGE_ORDER } from '../plan-run.ts';
import { nextWakeAt } from '../next-wake.ts';
import type { JobKey, Plan, PlannedJob } from '../plan.ts';
import type { CarriedWork, RunCommand, RunEffect, RunEvent, RunState } from '../run.ts';
import { choose, hold, steadyContext } from './broken-invariant.ts';
import type { Move } from './broken-invariant.ts';
import { checkRunEvent, checkRunMoves, checkRunState } from './check-run.ts';
import { ANNA, generatedJobs, HELD, IMAGE, identityOf } from './run-builder.ts';
import type { JobSketch } from './run-builder.ts';

/** Plays a sequence of commands on one run and checks the invariants after each event; throws `BrokenInvariant`. */
export function playRun(
  decide: typeof decideRun,
  plan: Plan,
  trust: 'trusted' | 'untrusted',
  moves: readonly Move[],
  carried?: CarriedWork,
): RunState {
  const ctx = steadyContext();
  const history: RunEvent[] = [];
  const effects: RunEffect[] = [];
  let state: RunState | undefined;

  const send = (command: RunCommand): void => {
    ctx.tick();
    const decision = decide(state, command, ctx);
    if (decision.kind !== 'accepted') return;
    if (state && isTerminal(state.status))
      hold('I02', decision.events.length === 0, () => `${command.type} changed a run that had ended`);
    for (const event of decision.events) {
      if (state) checkRunEvent(state, event);
      const next = evolveRun(state, event);
      hold('I01', next.version === (state?.version ?? 0) + 1, () => `${event.type} left a gap in the versions`);
      if (state) checkRunMoves(state, next);
      state = next;
      history.push(event);
    }
    effects.push(...decision.effects);
    if (!state) return;
    checkRunState(state, effects);
    const again = decide(state, command, ctx);
    hold('F20', again.kind !== 'accepted' || again.events.length === 0, () => `${command.type} changed the run twice`);
  };

  /** Time passes until it alone changes something. */
  const sleep = (): void => {
    const due = state && nextWakeAt(state);
    if (due !== undefined) ctx.tick(Math.max(0, (Date.parse(due) - Date.parse(ctx.now)) / 1000));
  };

  // What comes from outside waits for a person first.
  const held = trust === 'untrusted' ? { held: HELD } : {};
  send({ type: 'create', identity: identityOf(trust), plan, ...(carried && { carried }), ...held });
  for (const move of moves) {
    if (!state) break;
    if (move.kind % 13 === 12) ctx.tick(move.b % 40);
    send(commandOf(state, move));
  }
  // Faults stop: whatever happened, the run must come to an end by ordinary work and by time (I07).
  for (let turn = 0; state && !isTerminal(state.status) && turn < 1000; turn++) {
    const step = nextStep(state);
    if (step.type === 'wake') sleep();
    send(step);
    const late = nextWakeAt(state);
    hold(
      'I07',
      step.type !== 'wake' || late === undefined || late > ctx.now,
      () => 'a wake-up left undone what was due',
    );
  }
  if (!state) throw new Error('The run was never created.');
  hold('I07', isTerminal(state.status), () => `the run never ends; it is ${state?.status}`);
  checkHistory(history, state);
  return state;
}

function commandOf(state: RunState, { kind, a, b }: Move): RunCommand {
  const jobKey = choose(state.plan.jobs, a)?.key ?? 'commit/none';
  const attemptId = choose(state.jobs[jobKey]?.attempts ?? [], b)?.id ?? 'nobody';
  const outcomes = [
    'passed',
    'failed',
    'errored',
    'lost',
    'cancelled',
    'passed',
    'passed',
    'passed',
    'passed',
    'passed',
    'passed',
  ] as const;
  const open = openAttempt(state, a);
  switch (kind % 13) {
    case 0:
      return { type: 'attempt-started', jobKey, attemptId, runner: 'runner-1' };
    case 1:
      return {
        type: 'attempt-ended',
        jobKey,
        attemptId,
        outcome: choose(outcomes, b) ?? 'passed',
        ...(b % 3 > 0 && { image: IMAGE }),
        ...writtenBy(state, jobKey, b),
      };
    case 2:
    case 3:
      return open ? { type: 'attempt-started', ...open, runner: 'runner-1' } : nextStep(state);
    case 4:
      return open
        ? {
            type: 'attempt-ended',
            ...open,
            outcome: choose(outcomes, b) ?? 'passed',
            image: IMAGE,
            ...writtenBy(state, open.jobKey, b),
          }
        : nextStep(state);
    case 5:
      if (b % 8 === 1)
        return {
          type: 'supersede',
          number: state.number + (a % 4) - 1,
          event: a % 5 === 0 ? 'pull_request' : 'push',
          trust: state.trust,
        };
      return b % 8 === 0 ? { type: 'cancel', by: ANNA, reason: 'wrong branch' } : nextStep(state);
    case 6:
      return { type: 'release-made', releaseId: b % 5 === 0 ? 'rel-other' : 'rel-1' };
    case 7:
    case 8:
    case 9: {
      const statuses: DeploymentStatus[] = [
        'waiting',
        'running',
        'passed',
        'unknown',
        'failed',
        'superseded',
        'cancelled',
        'rolled-back',
        'errored',
        'passed',
      ];
      const lane = choose(state.lanes, a % 3 === 0 ? a : 0);
      const environment = lane?.environment ?? 'nowhere';
      const laneVersion = (lane?.laneVersion ?? 1) + (a % 4) - 1;
      return {
        type: 'lane-changed',
        environment,
        deploymentId: `d-${environment}`,
        status: choose(statuses, b) ?? 'passed',
        laneVersion,
      };
    }
    case 12:
      return { type: 'wake' };
    default:
      return nextStep(state);
  }
}

/** Exit code and outputs of an attempt; now and then one forgets its outputs. */
function writtenBy(
  state: RunState,
  key: JobKey,
  b: number,
): Pick<Extract<RunCommand, { type: 'attempt-ended' }>, 'exitCode' | 'outputs' | 'generated'> {
  const planned = state.plan.jobs.find((job) => job.key === key);
  const declared = planned?.outputs ?? [];
  const outputs = b % 7 === 0 ? [] : declared;
  return {
    exitCode: b % 2 === 0 ? 75 : 1,
    outputs: Object.fromEntries(outputs.map((name) => [name, `${b}`])),
    ...(planned?.work.kind === 'steps' && planned.work.spec.generate && { generated: fragmentOf(key, b) }),
  };
}

/** None, a few that need each other, now and then names that are taken or more than a run may have. */
function fragmentOf(key: JobKey, b: number): PlannedJob[] {
  if (b % 11 === 10) return generatedJobs(key, { j0: {} });
  const count = b % 13 === 12 ? 101 : b % 4;
  const name = (n: number): string => `${key.slice(key.indexOf('/') + 1)}-${n}`;
  const sketches = Array.from({ length: count }, (_, n): [string, JobSketch] => [
    name(n),
    {
      needs: n > 0 && b % 2 === 0 ? [name(n - 1)] : [],
      allowFailure: b % 5 === 0,
      outputs: b % 3 === 0 ? ['url'] : [],
    },
  ]);
  return generatedJobs(key, Object.fromEntries(sketches));
}

function openAttempt(
  state: RunState,
  index: number,
): { jobKey: RunState['plan']['jobs'][number]['key']; attemptId: string } | undefined {
  const open = Object.values(state.jobs).flatMap((job) =>
    job.attempts.filter(({ status }) => !isTerminal(status)).map(({ id }) => ({ jobKey: job.key, attemptId: id })),
  );
  return choose(open, index);
}

/** The step that ordinary work takes next. */
function nextStep(state: RunState): RunCommand {
  if (state.held && !state.admitted && !isTerminal(state.status))
    return { type: 'admit', by: ANNA, commit: state.commit };
  const open = openAttempt(state, 0);
  if (open) {
    const attempt = state.jobs[open.jobKey]?.attempts.find(({ id }) => id === open.attemptId);
    if (attempt?.status === 'queued') return { type: 'attempt-started', ...open, runner: 'runner-1' };
    return { type: 'attempt-ended', ...open, outcome: 'passed', image: IMAGE, ...writtenBy(state, open.jobKey, 1) };
  }
  if (nextWakeAt(state) !== undefined) return { type: 'wake' };
  if (state.releaseId === undefined) return { type: 'release-made', releaseId: 'rel-1' };
  const lane = state.lanes.find(({ status }) => !isTerminal(status));
  const environment = lane?.environment ?? 'nowhere';
  const status =
    state.cancelRequested && lane?.status === 'waiting'
      ? 'cancelled'
      : lane?.status === 'queued'
        ? 'running'
        : 'passed';
  return {
    type: 'lane-changed',
    environment,
    deploymentId: `d-${environment}`,
    status,
    laneVersion: (lane?.laneVersion ?? 0) + 1,
  };
}

/** Replaying the stored history gives the stored row (I34). */
function checkHistory(history: readonly RunEvent[], state: RunState): void {
  const stored = JSON.parse(JSON.stringify(history)) as RunEvent[];
  hold(
    'I34',
    JSON.stringify(foldRun(stored)) === JSON.stringify(state),
    () => 'folding the history gives another state',
  );
  const started = history.flatMap((event) => (event.type === 'stage-started' ? [event.stage] : []));
  hold('I05', new Set(started).size === started.length, () => 'a stage started twice');
  hold(
    'I08',
    started.every((stage, index) => STAGE_ORDER.indexOf(stage) >= STAGE_ORDER.indexOf(started[index - 1] ?? 'commit')),
    () => 'stages out of order',
  );
  hold(
    'I01',
    history.filter(({ type }) => type === 'run-ended').length === 1 && history.at(-1)?.type === 'run-ended',
    () => 'the run did not end once',
  );
  hold('I01', state.version === history.length, () => 'events and version differ');
}
