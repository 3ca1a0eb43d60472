import { isTerminal } from '../statuses.ts';
import type { Status } from '../statuses.ts';
import { STAGE_ORDER } from '../plan-run.ts';
import { nextWakeAt } from '../next-wake.ts';
import type { JobKey, PlannedJob } from '../plan.ts';
import type { RunEffect, RunEvent, RunState } from '../run.ts';
import {
  ATTEMPT_TRANSITIONS,
  JOB_TRANSITIONS,
  LANE_MIRROR_TRANSITIONS,
  RUN_TRANSITIONS,
  STAGE_TRANSITIONS,
} from '../transitions.ts';
import type { Transitions } from '../transitions.ts';
import { waitingCause } from '../waiting-cause.ts';
import { hold } from './broken-invariant.ts';

/** What must hold of an event before it is applied. */
export function checkRunEvent(state: RunState, event: RunEvent): void {
  if (event.type === 'attempt-queued') {
    hold(
      'I24',
      !state.held || state.admitted !== undefined,
      () => `${event.jobKey} began before anyone let the run go`,
    );
    const planned = state.plan.jobs.find(({ key }) => key === event.jobKey);
    hold('I08', planned !== undefined, () => `${event.jobKey} is not planned`);
    const retried = (state.jobs[event.jobKey]?.attempts.length ?? 0) > 0;
    hold('I08', retried || mayBegin(state, planned), () => `${event.jobKey} began against its needs or its condition`);
    const earlier = STAGE_ORDER.slice(0, STAGE_ORDER.indexOf(planned.stage));
    hold(
      'I08',
      state.plan.jobs.every(({ key, stage }) => !earlier.some((one) => one === stage) || isFine(state, key)),
      () => `${event.jobKey} began before an earlier stage had passed`,
    );
    hold(
      'I05',
      state.jobs[event.jobKey]?.carriedFrom === undefined,
      () => `${event.jobKey} was taken over and runs again`,
    );
    const { overdueAt, startedAt } = state.stages[planned.stage];
    const limit = state.plan.stageTimeouts[planned.stage];
    const deadline = Date.parse(startedAt ?? event.at) + (limit ?? Infinity) * 1000;
    hold('timeout', Date.parse(event.at) < deadline, () => `${event.jobKey} was queued after the time of its stage`);
    hold('I19', overdueAt === undefined, () => `${event.jobKey} was queued after the time of its stage had run out`);
    hold('I05', !isTerminal(state.stages[planned.stage].status), () => `${planned.stage} starts again after its end`);
    hold(
      'I03',
      event.number === (state.jobs[event.jobKey]?.attempts.length ?? 0) + 1,
      () => `${event.jobKey} has attempt ${event.number} out of order`,
    );
    hold('I19', !state.cancelRequested, () => `${event.jobKey} was queued after the cancel`);
    checkRetry(state, planned, event);
  }
  if (event.type === 'cancel-requested' && event.supersededBy !== undefined) {
    hold('superseded', event.supersededBy > state.number, () => `run ${event.supersededBy} is not newer`);
    hold('superseded', state.plan.concurrency?.cancel === 'superseded', () => 'no newer run may end this one');
    hold('superseded', state.stages.release.startedAt === undefined, () => 'a run with a release was superseded');
  }
  if (event.type === 'stage-overdue') {
    const limit = event.stage === 'release' ? undefined : state.plan.stageTimeouts[event.stage];
    const passed = Date.parse(event.at) - Date.parse(state.stages[event.stage].startedAt ?? event.at);
    hold('timeout', limit !== undefined && passed >= limit * 1000, () => `${event.stage} was stopped before its time`);
  }
  if (event.type === 'jobs-generated') checkGenerated(state, event);
  if (event.type === 'attempt-started')
    hold('I19', !state.cancelRequested, () => `${event.jobKey} started after the cancel`);
  if (event.type === 'job-ended') {
    const planned = state.plan.jobs.find(({ key }) => key === event.jobKey);
    hold(
      'generated',
      event.status !== 'passed' ||
        planned?.work.kind !== 'steps' ||
        !planned.work.spec.generate ||
        planned.generated === true,
      () => `${event.jobKey} passed and what it generates is missing`,
    );
    hold(
      'allowed',
      (event.allowed === true) ===
        (planned?.allowFailure === true && (event.status === 'failed' || event.status === 'errored')),
      () => `${event.jobKey} is excused against its definition`,
    );
    hold(
      'outputs',
      event.status !== 'passed' || planned?.outputs.every((name) => event.outputs?.[name] !== undefined) === true,
      () => `${event.jobKey} passed without its outputs`,
    );
    hold(
      'I19',
      !state.cancelRequested || event.status !== 'passed',
      () => `${event.jobKey} passed after the cancel (F60)`,
    );
  }
  if (event.type === 'stage-ended' && event.stage !== 'release') {
    hold(
      'I09',
      event.status === state.stages[event.stage].status,
      () => `the end of ${event.stage} says ${event.status}`,
    );
  }
  if (event.type === 'run-ended')
    hold('I09', event.status === state.status, () => `the end of the run says ${event.status}, it is ${state.status}`);
}

function checkGenerated(state: RunState, { jobKey, jobs }: Extract<RunEvent, { type: 'jobs-generated' }>): void {
  const generator = state.plan.jobs.find(({ key }) => key === jobKey);
  hold('I05', generator?.generated !== true, () => `${jobKey} generated jobs twice`);
  hold('I19', !state.cancelRequested, () => `${jobKey} generated jobs after the cancel`);
  hold(
    'I02',
    generator !== undefined && !isTerminal(state.stages[generator.stage].status),
    () => `${jobKey} is too late`,
  );
  hold('generated', generator?.generatedBy === undefined, () => `${jobKey} is generated and generates`);
  const known = new Set(Object.keys(state.jobs));
  for (const { key, stage, generatedBy } of jobs) {
    hold('I05', !known.has(key), () => `${key} is in the run already`);
    hold('generated', stage === generator?.stage && generatedBy === jobKey, () => `${key} is none of ${jobKey}`);
    known.add(key);
  }
  const all = state.plan.jobs.filter((job) => job.generatedBy !== undefined).length + jobs.length;
  hold('generated', all <= 100 && known.size <= 201, () => `the run has ${all} generated jobs of ${known.size}`);
}

function checkRetry(state: RunState, planned: PlannedJob, event: Extract<RunEvent, { type: 'attempt-queued' }>): void {
  const { on, exit, times, delaySeconds, factor } = planned.retry;
  const last = state.jobs[event.jobKey]?.attempts.at(-1);
  if (!last) return;
  const named = on.some((reason) => reason === last.status);
  const byCode = last.status === 'failed' && exit.includes(last.exitCode ?? -1);
  hold('retry', event.number <= times + 1 && (named || byCode), () => `${event.jobKey} was retried against its policy`);
  let pause = delaySeconds;
  for (let attempt = 2; attempt < event.number; attempt++) pause *= factor;
  const waited = Date.parse(event.at) - Date.parse(last.finishedAt ?? event.at);
  hold('retry', waited >= Math.min(3600, pause) * 1000, () => `${event.jobKey} was retried before its pause was over`);
}

/** Written apart from the engine's own rule. */
function mayBegin(state: RunState, planned: PlannedJob): boolean {
  const needs = planned.needs.map((need) => state.jobs[need]);
  if (needs.some((need) => !need || !isTerminal(need.status))) return false;
  if (planned.if !== undefined && !isTrue(state, planned.if)) return false;
  switch (planned.when) {
    case 'always':
      return true;
    case 'failure':
      return needs.some((need) => need?.status === 'failed' || need?.status === 'errored');
    case 'success': {
      const groups = new Map<string, boolean>();
      for (const need of planned.needs) {
        if (!isFine(state, need)) return false;
        const name = need.replace(/\[.*$/, '');
        groups.set(name, groups.get(name) === true || state.jobs[need]?.status !== 'skipped');
      }
      return [...groups.values()].every(Boolean);
    }
  }
}

/** The conditions of the generator: one that is true, one that is false, and how an earlier job ended. */
function isTrue(state: RunState, condition: string): boolean {
  if (condition === TRUE_CONDITION) return true;
  const [, stage, name] = /^(commit|test)\["(.+)"\]\.status == "passed"$/.exec(condition) ?? [];
  const statuses = Object.values(state.jobs)
    .filter(({ key }) => key.replace(/\[.*$/, '') === `${stage}/${name}`)
    .map(({ status }) => status);
  return statuses.includes('passed') && statuses.every((status) => status === 'passed' || status === 'skipped');
}

export const TRUE_CONDITION = 'branch == "main" && event == "push"';
export const FALSE_CONDITION = 'tag.startsWith("v")';

function isFine(state: RunState, key: JobKey): boolean {
  const job = state.jobs[key];
  return job?.status === 'passed' || job?.status === 'skipped' || job?.allowed === true;
}

/** Every status moves along its table, and ended ones stay (I01, I02). */
export function checkRunMoves(before: RunState, after: RunState): void {
  move('run', RUN_TRANSITIONS, before.status, after.status);
  for (const stage of STAGE_ORDER)
    move(stage, STAGE_TRANSITIONS, before.stages[stage].status, after.stages[stage].status);
  for (const job of Object.values(after.jobs)) {
    const old = before.jobs[job.key];
    if (!old) continue;
    move(job.key, JOB_TRANSITIONS, old.status, job.status);
    for (const [index, attempt] of old.attempts.entries()) {
      move(attempt.id, ATTEMPT_TRANSITIONS, attempt.status, job.attempts[index]?.status ?? attempt.status);
    }
  }
  for (const [index, lane] of before.lanes.entries()) {
    move(lane.environment, LANE_MIRROR_TRANSITIONS, lane.status, after.lanes[index]?.status ?? lane.status);
  }
}

function move<S extends string>(what: string, table: Transitions<S>, from: S, to: S): void {
  if (from === to) return;
  hold(table[from].length === 0 ? 'I02' : 'I01', table[from].includes(to), () => `${what} moved from ${from} to ${to}`);
}

/** What must hold of a run after each decision; `effects` are all that the run ever gave. */
export function checkRunState(state: RunState, effects: readonly RunEffect[]): void {
  const attempts = Object.values(state.jobs).flatMap((job) => job.attempts);
  hold('I03', new Set(attempts.map(({ id }) => id)).size === attempts.length, () => 'an attempt id is used twice');
  for (const job of Object.values(state.jobs)) {
    hold('I05', job.attempts.filter(({ status }) => status === 'passed').length <= 1, () => `${job.key} passed twice`);
    hold(
      'I04',
      job.attempts.filter(({ status }) => !isTerminal(status)).length <= 1,
      () => `${job.key} has two open attempts`,
    );
    hold(
      'I07',
      !isTerminal(job.status) || job.attempts.every(({ status }) => isTerminal(status)),
      () => `${job.key} ended before its attempt`,
    );
    hold(
      'I07',
      job.retryAt === undefined || (job.status === 'queued' && job.attempts.every(({ status }) => isTerminal(status))),
      () => `${job.key} waits for a retry although it has an open attempt or has ended`,
    );
    hold(
      'I05',
      job.carriedFrom === undefined || job.attempts.length === 0,
      () => `${job.key} was taken over and tried`,
    );
  }
  hold(
    'I09',
    state.status === expectedRunStatus(state),
    () => `the run is ${state.status} instead of ${expectedRunStatus(state)}`,
  );
  checkSomethingMoves(state);
  checkCauses(state);
  const releases = effects.filter(({ type }) => type === 'make-release').length;
  hold('I05', releases <= 1, () => 'the release was made twice');
  if (releases > 0) {
    hold(
      'I15',
      state.image !== undefined && state.trust === 'trusted',
      () => 'a release without a digest or from an untrusted run',
    );
    hold(
      'I08',
      Object.values(state.jobs).every(({ key }) => isFine(state, key)),
      () => 'a release although a job had not passed',
    );
  }
}

/** What is open and does not run can say what it waits for; queued attempts are asked for beside their pools. */
function checkCauses(state: RunState): void {
  if (isTerminal(state.status)) return;
  for (const { key, status, attempts } of Object.values(state.jobs)) {
    const underWay = attempts.some((attempt) => !isTerminal(attempt.status));
    const said = underWay || isTerminal(status) || waitingCause({ kind: 'job', state, jobKey: key }) !== undefined;
    hold('I07', said, () => `${key} waits and cannot say why`);
  }
  for (const { environment, status } of state.lanes) {
    const said = status !== 'queued' || waitingCause({ kind: 'environment', state, environment }) !== undefined;
    hold('I07', said, () => `${environment} waits for the release and cannot say why`);
  }
  const called = state.cancelRequested === undefined || waitingCause({ kind: 'cancel', state }) !== undefined;
  hold('I07', called, () => 'the run was called off and cannot say what it waits for');
}

/** Every open run has an attempt under way or a release to wait for; every open job has one too, or a need that does (I07). */
function checkSomethingMoves(state: RunState): void {
  if (isTerminal(state.status)) {
    hold('I07', state.finishedAt !== undefined, () => 'the run ended without its event');
    for (const stage of STAGE_ORDER)
      hold('I07', isTerminal(state.stages[stage].status), () => `${stage} is open in a run that ended`);
    hold(
      'I07',
      state.lanes.every(({ status }) => isTerminal(status)),
      () => 'a lane is open in a run that ended',
    );
    return;
  }
  const open = Object.values(state.jobs).some((job) => job.attempts.some(({ status }) => !isTerminal(status)));
  const releasing = state.stages.release.startedAt !== undefined && state.stages.release.finishedAt === undefined;
  const pausing = Object.values(state.jobs).some(({ retryAt }) => retryAt !== undefined);
  const held = state.held !== undefined && state.admitted === undefined;
  hold('I07', open || releasing || pausing || held, () => 'nothing moves the run any more');
  const wake = nextWakeAt(state);
  hold(
    'I07',
    !pausing ||
      (wake !== undefined &&
        Object.values(state.jobs).every(({ retryAt }) => retryAt === undefined || wake <= retryAt)),
    () => 'nobody wakes the run for its next attempt',
  );
}

/** Written apart from the engine's own rule, from the jobs and the lanes alone. */
function expectedRunStatus(state: RunState): Status {
  if (state.held && !state.admitted && !state.cancelRequested) return 'waiting';
  const overdue = STAGE_ORDER.filter((stage) => state.stages[stage].overdueAt !== undefined);
  const jobs = Object.values(state.jobs).map((job): Status => {
    if (job.allowed) return 'passed';
    const late = overdue.some((stage) => job.key.startsWith(`${stage}/`));
    return late && isTerminal(job.status) ? 'failed' : job.status;
  });
  const lanes = state.lanes.map(({ status }) => status);
  const all: readonly string[] = [...jobs, ...lanes];
  if (all.every((status) => !['queued', 'waiting', 'running', 'unknown'].includes(status))) {
    if (state.cancelRequested) return state.cancelRequested.supersededBy === undefined ? 'cancelled' : 'superseded';
    if (all.includes('failed') || all.includes('rolled-back')) return 'failed';
    for (const status of ['errored', 'cancelled', 'superseded'] as const) if (all.includes(status)) return status;
    return 'passed';
  }
  if (lanes.includes('waiting') && !lanes.includes('running') && !lanes.includes('unknown')) return 'waiting';
  const begun = Object.values(state.jobs).some((job) => job.attempts.some(({ startedAt }) => startedAt !== undefined));
  const ended = jobs.some((status) => status !== 'queued' && status !== 'running' && status !== 'skipped');
  return begun || ended || overdue.length > 0 || state.stages.release.startedAt !== undefined ? 'running' : 'queued';
}
