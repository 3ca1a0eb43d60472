import type { RunDetail } from './bench-service.ts';

/** Where the time of a run went, in ms: what each stage took, then what its jobs took it for, all jobs together. */
export function spentBy(run: RunDetail): Record<string, number> {
  const jobs = run.jobs.map(({ attempts: [attempt] }) => {
    const [queued, begun, ended] = [at(attempt?.queuedAt), at(attempt?.startedAt), at(attempt?.finishedAt)];
    const [first, last] = [at(attempt?.steps[0]?.startedAt), at(attempt?.steps.at(-1)?.finishedAt)];
    return { toBegin: begun - queued, toFirstStep: first - begun, steps: last - first, toStored: ended - last };
  });
  const sum = (part: keyof (typeof jobs)[number]) => jobs.reduce((total, job) => total + job[part], 0);
  const stages = run.stages.filter(({ startedAt, finishedAt }) => startedAt !== null && finishedAt !== null);
  return {
    ...Object.fromEntries(stages.map((one) => [`${one.stage} stage`, at(one.finishedAt) - at(one.startedAt)])),
    'jobs: queued -> begun': sum('toBegin'),
    'jobs: begun -> first step': sum('toFirstStep'),
    'jobs: steps': sum('steps'),
    'jobs: last step -> result stored': sum('toStored'),
  };
}

function at(instant: string | null | undefined): number {
  return Date.parse(instant ?? '');
}
