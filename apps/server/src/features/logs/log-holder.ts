import { sql } from 'kysely';
import type { Unit } from '../../platform/db/transactions.ts';
import { conflict, notFound, type Problem } from '../../platform/http/problem.ts';

export interface LogHolder {
  readonly attemptId: string;
  readonly epoch: number;
  readonly runnerId: string;
  readonly poolId: string;
}

export interface LogRow {
  readonly length: number;
  readonly sealed: boolean;
  readonly hasResult: boolean;
}

/**
 * Locks the attempt and checks that the caller may still write its log: while it holds the lease, and after its result
 * until the log is sealed (F22). Throws 409 `lease-lost` otherwise (A51).
 */
export async function lockLog(unit: Unit, { attemptId, epoch, runnerId, poolId }: LogHolder): Promise<LogRow> {
  const row = await unit.tx
    .selectFrom('attempts')
    .select([
      'status',
      'epoch',
      'runner_id',
      'pool_id',
      'log_length',
      'log_sealed_at',
      sql<boolean>`result is not null`.as('has_result'),
    ])
    .where('id', '=', attemptId)
    .forUpdate()
    .executeTakeFirst();
  if (row?.pool_id !== poolId) throw notFound('This attempt');
  const holds = row.epoch === epoch && row.runner_id === runnerId && (row.status === 'running' || row.has_result);
  if (!holds) throw leaseLost();
  return { length: row.log_length, sealed: row.log_sealed_at !== null, hasResult: row.has_result };
}

export function leaseLost(): Problem {
  return conflict(
    'lease-lost',
    'The lease is not held any more; end the containers of this attempt and send nothing more of it.',
  );
}
