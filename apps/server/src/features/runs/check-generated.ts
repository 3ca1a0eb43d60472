import {
  generatesTo,
  jobsOfStage,
  planGenerated,
  roomForJobs,
  type PlannedJob,
  type Reason,
  type RunState,
} from '@sluice/engine';
import { checkFragment } from '@sluice/pipeline-spec';
import { json } from '../../platform/db/database.ts';
import type { Unit } from '../../platform/db/transactions.ts';
import { firstError } from './first-error.ts';

export type CheckedGenerated =
  | { readonly kind: 'planned'; readonly jobs: readonly PlannedJob[] }
  | { readonly kind: 'refused'; readonly reason: Reason };

/**
 * What a job of the run generated: checked, planned, its findings put on the run in place of those of an earlier attempt.
 * The run is locked by the caller, so nothing joins it meanwhile; `job` still generates.
 */
export async function checkGenerated(
  unit: Unit,
  { runId, plan }: RunState,
  job: PlannedJob & { readonly stage: 'commit' | 'test' },
  text: string,
): Promise<CheckedGenerated> {
  const run = await unit.tx
    .selectFrom('runs')
    .select(['definition_text', 'findings'])
    .where('id', '=', runId)
    .executeTakeFirstOrThrow();
  const file = generatesTo(job) ?? '';
  const { jobs, findings } = checkFragment(text, file, {
    definitionText: run.definition_text,
    stage: job.stage,
    job: job.name,
    known: jobsOfStage(plan, job.stage),
    room: roomForJobs(plan),
  });
  const others = run.findings.filter((finding) => finding.job !== job.key);
  if (others.length + findings.length !== run.findings.length || findings.length > 0) {
    const all = [...others, ...findings.map((finding) => ({ ...finding, job: job.key }))];
    await unit.tx
      .updateTable('runs')
      .set({ findings: json(all) })
      .where('id', '=', runId)
      .execute();
  }
  if (jobs) return { kind: 'planned', jobs: planGenerated(plan, job, jobs) };
  return { kind: 'refused', reason: { code: 'generated-fragment', message: firstError(findings, file) } };
}
