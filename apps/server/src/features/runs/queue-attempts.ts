import {
  choosePool,
  needsHost,
  priorityRank,
  runGroup,
  runPriority,
  type RunEffect,
  type RunState,
} from '@sluice/engine';
import { json } from '../../platform/db/database.ts';
import type { Unit } from '../../platform/db/transactions.ts';

type QueueAttempt = Extract<RunEffect, { type: 'queue-attempt' }>;

/** A statement takes 65,535 values at most. */
const ROWS_A_STATEMENT = 1_000;

/** Makes the rows of attempts that wait for a runner; gives the pools where they wait. */
export async function queueAttempts(
  unit: Unit,
  state: RunState,
  effects: readonly QueueAttempt[],
): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  if (effects.length === 0) return found;
  const pools = (
    await unit.tx
      .selectFrom('pools')
      .select(['id', 'team_id', 'name', 'trust', 'labels'])
      .where((eb) => eb.or([eb('team_id', '=', state.teamId), eb('team_id', 'is', null)]))
      .orderBy('name')
      .execute()
  ).map((row) => ({ poolId: row.id, teamId: row.team_id, trust: row.trust, labels: row.labels }));
  const planned = new Map(state.plan.jobs.map((job) => [job.key, job]));
  const shared = { priority: priorityRank(runPriority(state)), group_key: runGroup(state)?.key ?? null };
  const rows = effects.map((effect) => {
    const job = planned.get(effect.jobKey);
    if (!job) throw new Error(`run ${state.runId} queued the unknown job ${effect.jobKey}`);
    const pool = choosePool(pools, { teamId: state.teamId, trust: state.trust, labels: job.labels });
    if (pool) found.add(pool.poolId);
    return {
      id: effect.attemptId,
      team_id: state.teamId,
      run_id: state.runId,
      service_id: state.serviceId,
      job_key: effect.jobKey,
      number: effect.number,
      pool_id: pool?.poolId ?? null,
      trust: state.trust,
      labels: json(job.labels),
      needs_host: needsHost(job),
      ...shared,
    };
  });
  for (let from = 0; from < rows.length; from += ROWS_A_STATEMENT) {
    await unit.tx
      .insertInto('attempts')
      .values(rows.slice(from, from + ROWS_A_STATEMENT))
      .execute();
  }
  return found;
}
