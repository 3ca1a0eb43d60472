import { ConditionError, evaluateCondition } from '@sluice/pipeline-spec';
import { conditionFacts, groupOf } from './condition-facts.ts';
import { jobOf, wasOrIs } from './end-stage.ts';
import type { PlannedJob } from './plan.ts';
import type { JobState, Reason, RunState } from './run.ts';
import { isTerminal } from './statuses.ts';

export type Readiness =
  | { readonly kind: 'wait' }
  | { readonly kind: 'start' }
  | { readonly kind: 'skip'; readonly reason: Reason }
  /** The definition asks for what this run may never have. */
  | { readonly kind: 'refuse'; readonly reason: Reason }
  /** A condition that cannot be decided: trouble of ours. */
  | { readonly kind: 'error'; readonly reason: Reason };

/** Whether a job that has not begun may begin, by its needs first and its condition last (I08). */
export function readiness(state: RunState, planned: PlannedJob): Readiness {
  const byNeeds = needsReadiness(state, planned);
  if (byNeeds.kind !== 'start') return byNeeds;
  if (state.image === undefined && usesBuilt(planned)) {
    return skip('no-image', `Job "${planned.name}" uses the image that the run builds, and this run built none.`);
  }
  const byTrust = state.trust === 'untrusted' && needsHost(planned) ? refuseHost(planned) : byNeeds;
  if (planned.if === undefined) return byTrust;
  try {
    if (evaluateCondition(planned.if, conditionFacts(state, planned))) return byTrust;
    return skip('condition', `Its condition is false: ${planned.if}`);
  } catch (error) {
    if (!(error instanceof ConditionError)) throw error;
    return { kind: 'error', reason: { code: 'bad-condition', message: error.message } };
  }
}

export function usesBuilt({ work }: PlannedJob): boolean {
  if (work.kind === 'image') return false;
  return work.spec.image === 'built' || Object.values(work.spec.services).some(({ image }) => image === 'built');
}

/** Its steps are processes of the runner's machine: only a trusted pool's runner that offers it may have the job. */
export function needsHost({ work }: Pick<PlannedJob, 'work'>): boolean {
  return work.kind === 'steps' && work.spec.image === undefined;
}

export function endedWell({ status, allowed }: JobState): boolean {
  return status === 'passed' || allowed === true;
}

function needsReadiness(state: RunState, planned: PlannedJob): Readiness {
  const needs = planned.needs.map((need) => jobOf(state, need));
  if (planned.when === 'success') {
    const stopper = needs.find((need) => isTerminal(need.status) && need.status !== 'skipped' && !endedWell(need));
    if (stopper) return skip('need-not-passed', needed(planned, stopper));
  }
  if (needs.some(({ status }) => !isTerminal(status))) return { kind: 'wait' };
  if (planned.when === 'failure' && !needs.some(({ status }) => status === 'failed' || status === 'errored')) {
    return skip('nothing-failed', `Job "${planned.name}" runs when one of its needs fails, and none did.`);
  }
  if (planned.when !== 'success') return { kind: 'start' };
  const idle = wholeSkipped(state, planned);
  return idle ? skip('need-skipped', needed(planned, idle)) : { kind: 'start' };
}

/** Of a matrix, some variants may be left out by its condition; the job counts as skipped when all of them were. */
function wholeSkipped(state: RunState, planned: PlannedJob): JobState | undefined {
  const groups = Map.groupBy(
    state.plan.jobs.filter(({ key }) => planned.needs.includes(key)),
    groupOf,
  );
  for (const members of groups.values()) {
    const jobs = members.map(({ key }) => jobOf(state, key));
    if (jobs.every(({ status }) => status === 'skipped')) return jobs[0];
  }
  return undefined;
}

function needed(planned: PlannedJob, stopper: JobState): string {
  const name = stopper.key.slice(stopper.key.indexOf('/') + 1);
  return `Job "${planned.name}" needs "${name}", which ${wasOrIs(stopper.status)}.`;
}

function refuseHost(planned: PlannedJob): Readiness {
  const message = `Job "${planned.name}" runs on the runner's machine itself, without a container, and this run comes from outside the team; name an \`image\`, or keep the job from such runs by \`if\`.`;
  return { kind: 'refuse', reason: { code: 'untrusted-host', message } };
}

function skip(code: string, message: string): Readiness {
  return { kind: 'skip', reason: { code, message } };
}
