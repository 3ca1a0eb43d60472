import { isTerminal } from '../statuses.ts';
import type { Status } from '../statuses.ts';
import { STAGE_ORDER } from '../plan-run.ts';
import type { RunEffect, RunEvent, RunState } from '../run.ts';
import {
  ATTEMPT_TRANSITIONS,
  JOB_TRANSITIONS,
  LANE_MIRROR_TRANSITIONS,
  RUN_TRANSITIONS,
  STAGE_TRANSITIONS,
} from '../transitions.ts';
import type { Transitions } from '../transitions.ts';
import { hold } from './broken-invariant.ts';

/** What must hold of an event before it is applied. */
export function checkRunEvent(state: RunState, event: RunEvent): void {
  if (event.type === 'attempt-queued') {
    const planned = state.plan.jobs.find(({ key }) => key === event.jobKey);
    hold(
      'I08',
      planned?.needs.every((need) => state.jobs[need]?.status === 'passed') === true,
      () => `${event.jobKey} began before its needs passed`,
    );
    const earlier = STAGE_ORDER.slice(0, STAGE_ORDER.indexOf(planned.stage));
    hold(
      'I08',
      state.plan.jobs.every(
        ({ key, stage }) => !earlier.some((one) => one === stage) || state.jobs[key]?.status === 'passed',
      ),
      () => `${event.jobKey} began before an earlier stage had passed`,
    );
    hold('I05', !isTerminal(state.stages[planned.stage].status), () => `${planned.stage} starts again after its end`);
    hold(
      'I03',
      event.number === (state.jobs[event.jobKey]?.attempts.length ?? 0) + 1,
      () => `${event.jobKey} has attempt ${event.number} out of order`,
    );
    hold('I19', !state.cancelRequested, () => `${event.jobKey} was queued after the cancel`);
    const { on, times } = planned.retry;
    const last = state.jobs[event.jobKey]?.attempts.at(-1);
    hold(
      'retry',
      !last || (event.number <= times + 1 && on.some((reason) => reason === last.status)),
      () => `${event.jobKey} was retried against its policy`,
    );
  }
  if (event.type === 'attempt-started')
    hold('I19', !state.cancelRequested, () => `${event.jobKey} started after the cancel`);
  if (event.type === 'job-ended') {
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
  }
  hold(
    'I09',
    state.status === expectedRunStatus(state),
    () => `the run is ${state.status} instead of ${expectedRunStatus(state)}`,
  );
  checkSomethingMoves(state);
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
      Object.values(state.jobs).every(({ status }) => status === 'passed'),
      () => 'a release although a job had not passed',
    );
  }
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
  hold('I07', open || releasing, () => 'nothing moves the run any more');
}

/** Written apart from the engine's own rule, from the jobs and the lanes alone. */
function expectedRunStatus(state: RunState): Status {
  const jobs = Object.values(state.jobs).map(({ status }) => status);
  const lanes = state.lanes.map(({ status }) => status);
  const all: readonly string[] = [...jobs, ...lanes];
  if (all.every((status) => !['queued', 'waiting', 'running', 'unknown'].includes(status))) {
    if (state.cancelRequested) return 'cancelled';
    if (all.includes('failed') || all.includes('rolled-back')) return 'failed';
    for (const status of ['errored', 'cancelled', 'superseded'] as const) if (all.includes(status)) return status;
    return 'passed';
  }
  if (lanes.includes('waiting') && !lanes.includes('running') && !lanes.includes('unknown')) return 'waiting';
  const begun = Object.values(state.jobs).some((job) => job.attempts.some(({ startedAt }) => startedAt !== undefined));
  const ended = jobs.some((status) => status !== 'queued' && status !== 'running' && status !== 'skipped');
  return begun || ended || state.stages.release.startedAt !== undefined ? 'running' : 'queued';
}
