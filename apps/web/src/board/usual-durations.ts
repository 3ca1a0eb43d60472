import { useQuery } from '@tanstack/react-query';
import { queries } from '../api/queries.ts';
import type { RunSummary, StageName } from '../api/shapes.ts';

export type UsualDurations = Partial<Record<StageName, number>>;
const ENOUGH = 3;

/** Median of each stage over recent runs in which it passed; a stage with fewer than three has no usual duration. */
export function usualDurations(runs: readonly RunSummary[]): UsualDurations {
  const samples = new Map<StageName, number[]>();
  for (const run of runs) {
    for (const { stage, status, startedAt, finishedAt } of run.stages) {
      if (status !== 'passed' || startedAt === null || finishedAt === null) continue;
      samples.set(stage, [...(samples.get(stage) ?? []), Date.parse(finishedAt) - Date.parse(startedAt)]);
    }
  }
  const usual: UsualDurations = {};
  for (const [stage, values] of samples) {
    const middle = values.sort((a, b) => a - b)[values.length >> 1];
    if (values.length >= ENOUGH && middle !== undefined) usual[stage] = middle;
  }
  return usual;
}

/** Asked for only while something of the service runs. */
export function useUsualDurations(service: string, wanted: boolean): UsualDurations {
  const recent = useQuery({ ...queries.recentRuns(service), enabled: wanted, select: usualDurations });
  return recent.data ?? {};
}
