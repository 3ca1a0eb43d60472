import { MAX_JOBS } from '@sluice/pipeline-spec';
import { groupOf } from './condition-facts.ts';
import type { Plan, PlannedJob } from './plan.ts';
import type { Reason } from './run.ts';

/** Generated jobs of one run, variants counted. */
export const MAX_GENERATED_JOBS = 100;

/** The file that the steps of a job generate to; undefined when they generate nothing, or have done so. */
export function generatesTo({ work, generated }: Pick<PlannedJob, 'work' | 'generated'>): string | undefined {
  return work.kind === 'steps' && generated !== true ? work.spec.generate?.file : undefined;
}

/** How many more jobs a run may have. */
export function roomForJobs({ jobs }: Plan): number {
  const steps = jobs.filter(({ work }) => work.kind === 'steps');
  const generated = jobs.filter(({ generatedBy }) => generatedBy !== undefined);
  return Math.max(0, Math.min(MAX_GENERATED_JOBS - generated.length, MAX_JOBS - steps.length));
}

/** Jobs that the stage has, with the names of their variants; none for a job without a matrix. */
export function jobsOfStage({ jobs }: Plan, stage: PlannedJob['stage']): Map<string, string[]> {
  const ofStage = Map.groupBy(
    jobs.filter((job) => job.stage === stage),
    groupOf,
  );
  return new Map(
    [...ofStage].map(([name, members]) => [name, members.flatMap((job) => (job.variant ? [job.name] : []))]),
  );
}

/**
 * Whether these jobs may join the plan. The check of the fragment rules all of this out, so meeting it here is trouble of
 * ours, and nothing is added.
 */
export function refuseGenerated(
  plan: Plan,
  generator: PlannedJob,
  jobs: readonly PlannedJob[] | undefined,
): Reason | undefined {
  if (jobs === undefined)
    return bad('The job ended well, but nothing was reported of the jobs that it generates; update its runner.');
  if (jobs.length > roomForJobs(plan)) return bad('The job generated more jobs than the run has room for.');
  const keys = new Set(plan.jobs.map(({ key }) => key));
  for (const job of jobs) {
    if (keys.has(job.key)) return bad(`The run has a job ${job.key} already.`);
    keys.add(job.key);
  }
  const stray = jobs.find(
    (job) =>
      job.stage !== generator.stage ||
      job.generatedBy !== generator.key ||
      job.work.kind !== 'steps' ||
      job.work.spec.generate !== undefined ||
      job.needs.some((need) => !keys.has(need)),
  );
  return stray && bad(`The generated job ${stray.key} does not fit the plan of the run.`);
}

function bad(message: string): Reason {
  return { code: 'bad-generated', message };
}
