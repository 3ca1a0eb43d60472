import { sql, type Transaction } from 'kysely';
import type { Db } from '../../platform/db/database.ts';
import type { Tables } from '../../platform/db/schema.ts';
import type { RunnerPrincipal } from '../../platform/http/principal.ts';
import { notFound } from '../../platform/http/problem.ts';
import { leaseLost } from '../logs/index.ts';

export interface OnLease {
  readonly attemptId: string;
  readonly epoch: number;
}

export interface HeldAttempt {
  readonly id: string;
  readonly team_id: string;
  readonly service_id: string;
  readonly run_id: string;
  readonly job_key: string;
}

/**
 * The attempt that this runner holds right now. Of attempts of other pools a runner must not even learn that they exist. `lock`: until
 * the transaction ends nobody takes the lease back.
 */
export async function heldAttempt(
  db: Db | Transaction<Tables>,
  runner: RunnerPrincipal,
  { attemptId, epoch }: OnLease,
  { lock = false } = {},
): Promise<HeldAttempt> {
  const row = await db
    .selectFrom('attempts')
    .select(['id', 'status', 'epoch', 'runner_id', 'pool_id', 'team_id', 'run_id', 'service_id', 'job_key'])
    .where('id', '=', attemptId)
    .$if(lock, (query) => query.modifyEnd(sql`for update`))
    .executeTakeFirst();
  if (row?.pool_id !== runner.poolId) throw notFound('This attempt');
  if (row.status !== 'running' || row.epoch !== epoch || row.runner_id !== runner.runnerId) {
    throw leaseLost();
  }
  return row;
}
