import type { OutputReference, StageName } from '@sluice/pipeline-spec';
import { groupOf } from './condition-facts.ts';
import { endedWell, usesBuilt } from './job-readiness.ts';
import { jobKey, STAGE_ORDER } from './plan-run.ts';
import type { JobKey, PlannedJob } from './plan.ts';
import type { CarriedJob, CarriedWork, JobState, RerunScope, RunState } from './run.ts';
import { isTerminal } from './statuses.ts';

/** `carried` is absent when nothing is: the whole plan is done again. */
export type RerunPlan =
  | { readonly kind: 'accepted'; readonly carried?: CarriedWork }
  | {
      readonly kind: 'rejected';
      readonly code:
        | 'nothing-to-run'
        | 'run-not-ended'
        | 'nothing-failed'
        | 'unknown-job'
        | 'unknown-stage'
        | 'earlier-stage-not-passed';
      readonly message: string;
    };

/**
 * Which work of an ended run its re-run takes over as it is, and which it does anew. The plan stays the same, and so does
 * the image unless `build/image` itself is done again. What depends on something that is done anew is done anew as well:
 * by `needs`, by an output it reads or an artifact it uses, by a condition that asks for it, or by the image.
 */
export function planRerun(state: RunState, scope: RerunScope): RerunPlan {
  const { jobs } = state.plan;
  if (jobs.length === 0)
    return no('nothing-to-run', 'This run had no valid definition; push a corrected sluice.yaml instead.');
  if (scope.kind === 'all') return { kind: 'accepted' };
  if (!isTerminal(state.status)) {
    return no('run-not-ended', `The run is ${state.status}; wait for its end, cancel it, or run all of it again.`);
  }
  switch (scope.kind) {
    case 'failed': {
      const bad = jobs.filter((job) => !isDone(state, job) || stateOf(state, job)?.allowed === true);
      if (bad.length === 0 && state.status === 'passed')
        return no('nothing-failed', 'This run passed; run all of it, one job or a stage again.');
      return carry(state, dependantsOf(state, bad));
    }
    case 'job': {
      const named = jobs.filter((job) => job.key === scope.job || jobKey(job.stage, groupOf(job)) === scope.job);
      if (named.length === 0) return no('unknown-job', `The plan of this run has no job "${scope.job}".`);
      return carry(state, dependantsOf(state, [...named, ...jobs.filter((job) => !isDone(state, job))]));
    }
    case 'stage':
      return fromStage(state, scope.stage);
  }
}

function fromStage(state: RunState, stage: StageName): RerunPlan {
  const { jobs, release } = state.plan;
  if (stage === 'release' ? release.length === 0 : !jobs.some((job) => job.stage === stage))
    return no('unknown-stage', `The plan of this run has no ${stage} stage.`);
  const earlier = STAGE_ORDER.slice(0, STAGE_ORDER.indexOf(stage));
  const stopper = earlier.find((one) => !['passed', 'skipped'].includes(state.stages[one].status));
  if (stopper) {
    return no(
      'earlier-stage-not-passed',
      `The ${stopper} stage of this run was ${state.stages[stopper].status}; run it again from there.`,
    );
  }
  return carry(state, new Set(jobs.filter((job) => !earlier.includes(job.stage)).map(({ key }) => key)));
}

/** The jobs given, and all that would see another result because of them. */
function dependantsOf({ plan }: RunState, from: readonly PlannedJob[]): Set<JobKey> {
  const anew = new Set(from.map(({ key }) => key));
  for (let before = -1; before !== anew.size;) {
    before = anew.size;
    const changed = plan.jobs.filter(({ key }) => anew.has(key));
    for (const job of plan.jobs) if (changed.some((one) => dependsOn(job, one))) anew.add(job.key);
  }
  return anew;
}

function dependsOn(job: PlannedJob, other: PlannedJob): boolean {
  if (job.key === other.key || STAGE_ORDER.indexOf(job.stage) < STAGE_ORDER.indexOf(other.stage)) return false;
  if (job.needs.includes(other.key)) return true;
  // Tests are evidence about one image; none of them stands for another one.
  if (other.work.kind === 'image') return job.stage === 'test' || usesBuilt(job);
  if (job.work.kind === 'image') return asksFor([job.if], other);
  const { spec } = job.work;
  const references: OutputReference[] = [spec.envFrom, ...spec.steps.map((step) => step.envFrom)].flatMap((from) =>
    Object.values(from),
  );
  const sources = [...references, ...(spec.use ?? [])];
  if (sources.some((one) => one.stage === other.stage && one.job === groupOf(other))) return true;
  return asksFor([job.if, ...spec.steps.map((step) => step.if)], other);
}

/** By the letter: a condition that only mentions the name in a text counts too, which costs a job and no truth. */
function asksFor(conditions: readonly (string | undefined)[], other: PlannedJob): boolean {
  return conditions.some((condition) => condition?.includes(other.stage) && condition.includes(groupOf(other)));
}

function carry(state: RunState, anew: ReadonlySet<JobKey>): RerunPlan {
  const kept = state.plan.jobs.filter((job) => !anew.has(job.key) && isDone(state, job));
  if (kept.length === 0) return { kind: 'accepted' };
  const keepsImage = kept.some(({ work }) => work.kind === 'image') && state.image !== undefined;
  const carried: CarriedWork = {
    fromRunId: state.runId,
    jobs: Object.fromEntries(kept.map((job) => [job.key, carriedJob(stateOf(state, job))])),
    ...(keepsImage && state.image && { image: state.image }),
  };
  return { kind: 'accepted', carried };
}

function carriedJob(job: JobState | undefined): CarriedJob {
  const { status = 'skipped', outputs, allowed, reason, carriedFrom } = job ?? {};
  return {
    status,
    ...(outputs && { outputs }),
    ...(allowed && { allowed }),
    ...(reason && { reason }),
    ...(carriedFrom !== undefined && { carriedFrom }),
  };
}

/** It ended in a way that a later job could build upon; a condition that was false stays false in the same plan. */
function isDone(state: RunState, job: PlannedJob): boolean {
  const ended = stateOf(state, job);
  if (!ended) return false;
  return endedWell(ended) || (ended.status === 'skipped' && IDLE.includes(ended.reason?.code ?? ''));
}
const IDLE: readonly string[] = ['condition', 'nothing-failed', 'need-skipped', 'no-image'];

function stateOf(state: RunState, { key }: PlannedJob): JobState | undefined {
  return state.jobs[key];
}

function no(code: Extract<RerunPlan, { kind: 'rejected' }>['code'], message: string): RerunPlan {
  return { kind: 'rejected', code, message };
}
