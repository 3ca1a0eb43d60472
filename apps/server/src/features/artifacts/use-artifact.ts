import { Inject, Injectable } from '@nestjs/common';
import { Kysely, sql } from 'kysely';
import type { Db } from '../../platform/db/database.ts';
import type { RunnerPrincipal } from '../../platform/http/principal.ts';
import { notFound } from '../../platform/http/problem.ts';
import { RunStates } from '../runs/index.ts';
import { FindUsedArtifacts } from './find-used-artifacts.ts';
import { heldAttempt, type OnLease } from './held-attempt.ts';
import { TransferBlobs } from './transfer-blobs.ts';

/** Where a runner reads an artifact that its job uses. */
@Injectable()
export class UseArtifact {
  readonly #db: Db;
  readonly #states: RunStates;
  readonly #used: FindUsedArtifacts;
  readonly #transfer: TransferBlobs;
  constructor(@Inject(Kysely) db: Db, states: RunStates, used: FindUsedArtifacts, transfer: TransferBlobs) {
    this.#db = db;
    this.#states = states;
    this.#used = used;
    this.#transfer = transfer;
  }

  /** Throws 404 for an artifact that the job does not use. */
  async link(runner: RunnerPrincipal, { id, ...lease }: OnLease & { readonly id: string }): Promise<string> {
    const attempt = await heldAttempt(this.#db, runner, lease);
    const state = await this.#states.read(this.#db, attempt.run_id);
    const job = state?.plan.jobs.find(({ key }) => key === attempt.job_key);
    const used = state && job?.work.kind === 'steps' ? await this.#used.find(state, job.work.spec.use ?? []) : [];
    if (!used.some(({ artifact }) => artifact?.id === id)) throw notFound('This artifact');
    const row = await this.#db
      .updateTable('artifacts')
      .set({ last_used_at: sql<Date>`now()` })
      .where('id', '=', id)
      .where('status', '=', 'kept')
      .returning(['length', 'sha256', 'blob_key'])
      .executeTakeFirst();
    if (!row) throw notFound('This artifact');
    return this.#transfer.download(row, lease);
  }
}
