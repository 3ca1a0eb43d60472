import { Inject, Injectable } from '@nestjs/common';
import type { Upload } from '@sluice/protocol';
import { Kysely } from 'kysely';
import { Ids } from '../../platform/clock/clock.port.ts';
import type { Db } from '../../platform/db/database.ts';
import { Transactions, type Unit } from '../../platform/db/transactions.ts';
import type { RunnerPrincipal } from '../../platform/http/principal.ts';
import { conflict, invalid, notFound } from '../../platform/http/problem.ts';
import { Outbox } from '../../platform/outbox/outbox.ts';
import { RunStates } from '../runs/index.ts';
import { heldAttempt, type OnLease } from './held-attempt.ts';
import { StorageSettings } from './storage-settings.ts';
import { TransferBlobs } from './transfer-blobs.ts';

export interface OfferedArtifact extends OnLease {
  readonly name: string;
  readonly length: number;
  readonly sha256: string;
  readonly files: number;
}

/** An artifact on its way in: a row first, then the bytes by link, then the look at them. Until then nobody sees it (F68). */
@Injectable()
export class LeaveArtifact {
  readonly #db: Db;
  readonly #transactions: Transactions;
  readonly #states: RunStates;
  readonly #ids: Ids;
  readonly #transfer: TransferBlobs;
  readonly #outbox: Outbox;
  readonly #settings: StorageSettings;
  constructor(
    @Inject(Kysely) db: Db,
    transactions: Transactions,
    states: RunStates,
    ids: Ids,
    transfer: TransferBlobs,
    outbox: Outbox,
    settings: StorageSettings,
  ) {
    this.#db = db;
    this.#transactions = transactions;
    this.#states = states;
    this.#ids = ids;
    this.#transfer = transfer;
    this.#outbox = outbox;
    this.#settings = settings;
  }

  /** Throws 422 for a name that the job does not declare (A62) or too many bytes, 409 when other bytes are kept under it (A64). */
  async begin(runner: RunnerPrincipal, { name, length, sha256, files, ...lease }: OfferedArtifact): Promise<Upload> {
    if (length > this.#settings.artifactBytes) {
      throw invalid(
        `The artifact "${name}" has ${length} bytes packed, more than the ${this.#settings.artifactBytes} that are allowed.`,
        'artifact-too-large',
      );
    }
    const row = await this.#transactions.run(async (unit) => {
      const attempt = await heldAttempt(unit.tx, runner, lease, { lock: true });
      const job = await this.#states.readJob(unit.tx, attempt.run_id, attempt.job_key);
      const declared = job?.work.kind === 'steps' ? (job.work.spec.artifacts ?? []) : [];
      if (!declared.some((one) => one.name === name))
        throw invalid(`The job declares no artifact of that name.`, 'artifact-unknown');
      const known = await unit.tx
        .selectFrom('artifacts')
        .select(['id', 'status', 'length', 'sha256', 'blob_key'])
        .where('attempt_id', '=', attempt.id)
        .where('name', '=', name)
        .executeTakeFirst();
      if (known && known.status !== 'coming') {
        if (known.sha256 === sha256 && known.length === length) return known;
        throw conflict('artifact-exists', `The artifact "${name}" is kept already with other bytes; it stays.`);
      }
      const id = known?.id ?? this.#ids.next();
      const blob_key = known?.blob_key ?? `artifacts/${id}`;
      await unit.tx
        .insertInto('artifacts')
        .values({
          id,
          team_id: attempt.team_id,
          service_id: attempt.service_id,
          run_id: attempt.run_id,
          attempt_id: attempt.id,
          job_key: attempt.job_key,
          name,
          status: 'coming',
          files,
          length,
          sha256,
          blob_key,
        })
        .onConflict((clash) => clash.columns(['attempt_id', 'name']).doUpdateSet({ files, length, sha256 }))
        .execute();
      return { id, status: 'coming', length, sha256, blob_key } as const;
    });
    return { id: row.id, link: row.status === 'coming' ? await this.#transfer.upload(row, lease) : null };
  }

  async keep(runner: RunnerPrincipal, { id, ...lease }: OnLease & { readonly id: string }): Promise<void> {
    await heldAttempt(this.#db, runner, lease);
    const row = await this.#db
      .selectFrom('artifacts')
      .select(['status', 'length', 'sha256', 'blob_key', 'run_id'])
      .where('id', '=', id)
      .where('attempt_id', '=', lease.attemptId)
      .executeTakeFirst();
    if (!row) throw notFound('This artifact');
    if (row.status !== 'coming') return;
    // Before the transaction: looking at a large file takes its time.
    await this.#transfer.accept(row);
    await this.#transactions.run(async (unit) => {
      await heldAttempt(unit.tx, runner, lease, { lock: true });
      await unit.tx
        .updateTable('artifacts')
        .set({ status: 'kept' })
        .where('id', '=', id)
        .where('sha256', '=', row.sha256)
        .where('status', '=', 'coming')
        .execute();
      await this.#outbox.add(unit, 'changed', { topics: [`run:${row.run_id}`] });
    });
  }
}

/** Names of declared artifacts that the attempt has not left. */
export async function missingArtifacts(unit: Unit, attemptId: string, declared: readonly string[]): Promise<string[]> {
  if (declared.length === 0) return [];
  const kept = await unit.tx
    .selectFrom('artifacts')
    .select('name')
    .where('attempt_id', '=', attemptId)
    .where('status', '=', 'kept')
    .execute();
  return declared.filter((name) => !kept.some((one) => one.name === name));
}
