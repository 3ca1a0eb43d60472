import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import type { RunCommand } from '@sluice/engine';
import { json } from '../../platform/db/database.ts';
import type { Unit } from '../../platform/db/transactions.ts';
import { RunStore, type Applied } from '../runs/index.ts';
import type { LockedWithRun } from './attempt-lease.ts';

type Ended = Omit<Extract<RunCommand, { type: 'attempt-ended' }>, 'type' | 'jobKey' | 'attemptId'>;

/** The end of an attempt, told to its run in the caller's transaction. The attempt is locked by `lockAttempt`. */
@Injectable()
export class EndAttempt {
  readonly #runs: RunStore;
  constructor(runs: RunStore) {
    this.#runs = runs;
  }

  async end(unit: Unit, { row, runVersion }: LockedWithRun, ended: Ended): Promise<Applied> {
    const jobKey = row.job_key as Extract<RunCommand, { type: 'attempt-ended' }>['jobKey'];
    const command = { type: 'attempt-ended', jobKey, attemptId: row.id, ...ended } as const;
    const applied = await this.#runs.apply(unit, row.run_id, command, runVersion);
    // A run that has no use for the word any more (it ended, or never knew the attempt) must not leave a live row behind.
    if (applied.kind !== 'accepted') {
      await unit.tx.deleteFrom('polls').where('attempt_id', '=', row.id).execute();
      await unit.tx
        .updateTable('attempts')
        .set({
          status: ended.outcome,
          finished_at: sql<Date>`now()`,
          reason: ended.reason ? json(ended.reason) : null,
          exit_code: ended.exitCode ?? null,
        })
        .where('id', '=', row.id)
        .where('status', 'in', ['queued', 'running'])
        .execute();
    }
    return applied;
  }
}
