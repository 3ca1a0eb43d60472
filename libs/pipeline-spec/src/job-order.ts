import type { LooseJob, LooseMap } from './loose-tree.ts';
import { asMap, entriesOf } from './loose-tree.ts';

/** Which jobs have ended when another one starts. */
export interface JobOrder {
  readonly jobs: readonly LooseJob[];
  readonly hasBuild: boolean;
  /** Jobs of earlier stages, and those that the job needs, directly or not. */
  before(job: LooseJob): readonly LooseJob[];
}

/** `after`: a job that some of them follow without naming it. */
export function orderOf(
  root: LooseMap,
  jobs: readonly LooseJob[],
  after?: { readonly job: LooseJob; readonly followers: ReadonlySet<LooseJob> },
): JobOrder {
  const needs = new Map<LooseJob, LooseJob[]>();
  const byName = new Map(jobs.map((job) => [`${job.stage}/${job.name}`, job]));
  for (const job of jobs) {
    const found = entriesOf(job.value['needs'], []).map(({ value }) =>
      typeof value === 'string' ? byName.get(`${job.stage}/${value}`) : undefined,
    );
    if (after?.followers.has(job)) found.push(after.job);
    needs.set(
      job,
      found.filter((need) => need !== undefined),
    );
  }
  return {
    jobs,
    hasBuild: root['build'] !== undefined,
    before(job) {
      const found = new Set<LooseJob>();
      const open = [...(needs.get(job) ?? [])];
      for (let next = open.pop(); next !== undefined; next = open.pop()) {
        if (found.has(next) || next === job) continue;
        found.add(next);
        open.push(...(needs.get(next) ?? []));
      }
      const earlier = job.stage === 'test' ? jobs.filter(({ stage }) => stage === 'commit') : [];
      return [...earlier, ...found];
    },
  };
}

export function hasMatrix(job: LooseJob): boolean {
  return asMap(job.value['matrix']) !== undefined;
}

/** Names that the job declares to write. */
export function outputsOf(job: LooseJob): string[] {
  return entriesOf(job.value['outputs'], []).flatMap(({ value }) => (typeof value === 'string' ? [value] : []));
}
