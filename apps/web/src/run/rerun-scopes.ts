import type { RunDetail, StageName } from '../api/shapes.ts';

export type RerunScope =
  | { readonly kind: 'all' }
  | { readonly kind: 'failed' }
  | { readonly kind: 'job'; readonly job: string }
  | { readonly kind: 'stage'; readonly stage: StageName };

/** What of an ended run can be done again, by the rules of the server; the first one is all of it. */
export function rerunScopes({ status, stages, jobs, lanes }: Pick<RunDetail, 'status' | 'stages' | 'jobs' | 'lanes'>): {
  readonly whole: readonly RerunScope[];
  readonly stages: readonly RerunScope[];
  readonly jobs: readonly RerunScope[];
} {
  const isGood = ({ status: end }: RunDetail['stages'][number]) => end === 'passed' || end === 'skipped';
  const first = stages.findIndex((stage) => !isGood(stage));
  // From a stage that nothing before has spoilt; from the first one on is all of it.
  const reached = first === -1 ? stages : stages.slice(0, first + 1);
  const hasWork = (stage: StageName) =>
    stage === 'release' ? lanes.length > 0 : jobs.some((job) => job.stage === stage);
  return {
    whole: [{ kind: 'all' }, ...(status === 'passed' ? [] : [{ kind: 'failed' as const }])],
    stages: reached
      .slice(1)
      .filter(({ stage }) => hasWork(stage))
      .map(({ stage }) => ({ kind: 'stage', stage })),
    jobs: jobs.map(({ key }) => ({ kind: 'job', job: key })),
  };
}

/** Only what runs in a container of a job can be kept; a release has none. */
export function mayKeep(scope: RerunScope): boolean {
  return scope.kind !== 'stage' || scope.stage !== 'release';
}
