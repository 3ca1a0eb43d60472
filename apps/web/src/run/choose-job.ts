import type { JobDetail, RunDetail, StageName } from '../api/shapes.ts';

/** What is worth reading first when the reader has not chosen: a failure, then what runs, then what waits, then the last. */
export function chooseJob(run: RunDetail, chosen: string | undefined, stage?: StageName): JobDetail | undefined {
  const named = run.jobs.find((job) => job.key === chosen);
  if (named !== undefined) return named;
  const jobs = stage === undefined ? run.jobs : run.jobs.filter((job) => job.stage === stage);
  const withStatus = (...statuses: JobDetail['status'][]): JobDetail | undefined =>
    jobs.find((job) => statuses.includes(job.status));
  const ran = jobs.filter((job) => job.attempts.length > 0);
  return (
    withStatus('failed', 'errored') ??
    withStatus('running') ??
    ran.at(-1) ??
    withStatus('waiting') ??
    jobs[0] ??
    (stage === undefined ? undefined : chooseJob(run, undefined))
  );
}
