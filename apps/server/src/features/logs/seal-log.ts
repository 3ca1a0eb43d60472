import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { Kysely, sql } from 'kysely';
import type { AttemptResult } from '@sluice/protocol';
import type { Db } from '../../platform/db/database.ts';
import { LiveSignals } from './live-signals.port.ts';
import { LogHashes } from './log-hashes.ts';
import { LogReader } from './log-reader.ts';
import { LogSettings } from './log-settings.ts';
import { StoreSegment } from './store-segment.ts';

/** The process that has the last byte or the result seals at once; after this time it is taken for dead. */
const LEFT_OPEN_SECONDS = 2;

/** Ends a log: nothing more is taken, and what is stored is proven to be what the runner sent, or marked incomplete (F22). Copies nothing. */
@Injectable()
export class SealLog {
  readonly #db: Db;
  readonly #reader: LogReader;
  readonly #hashes: LogHashes;
  readonly #segments: StoreSegment;
  readonly #live: LiveSignals;
  readonly #settings: LogSettings;
  constructor(
    @Inject(Kysely) db: Db,
    reader: LogReader,
    hashes: LogHashes,
    segments: StoreSegment,
    @Inject(LiveSignals) live: LiveSignals,
    settings: LogSettings,
  ) {
    this.#db = db;
    this.#reader = reader;
    this.#hashes = hashes;
    this.#segments = segments;
    this.#live = live;
    this.#settings = settings;
  }

  /** Seals when the length that the result declared is stored. */
  async sealIfComplete(attemptId: string): Promise<boolean> {
    const log = await this.#unsealed(attemptId);
    if (!log?.result || log.length < log.result.log.length) return false;
    const sha256 = await this.#sha256(attemptId, log.length);
    const complete = log.length === log.result.log.length && sha256 === log.result.log.sha256;
    return this.#seal(attemptId, {
      length: log.length,
      sha256,
      incomplete: !complete,
      truncated: log.result.log.truncated,
    });
  }

  /**
   * Seals what is whole and was left open by a process that died between the last byte or the result and the seal, and what
   * has waited long enough for its last bytes; also logs of attempts that ended without a result.
   */
  async sealOverdue(): Promise<number> {
    const overdue = await this.#db
      .selectFrom('attempts')
      .select('id')
      .where('log_sealed_at', 'is', null)
      .where((where) =>
        where.or([
          where('finished_at', '<', sql<Date>`now() - ${this.#settings.finishSeconds} * interval '1 second'`),
          where.and([
            where('finished_at', '<', sql<Date>`now() - ${LEFT_OPEN_SECONDS} * interval '1 second'`),
            where('log_length', '>=', sql<number>`(result -> 'log' ->> 'length')::bigint`),
          ]),
        ]),
      )
      .limit(200)
      .execute();
    let sealed = 0;
    for (const { id } of overdue) {
      if (await this.sealIfComplete(id)) sealed += 1;
      else if (await this.#sealIncomplete(id)) sealed += 1;
    }
    return sealed;
  }

  async #sealIncomplete(attemptId: string): Promise<boolean> {
    const log = await this.#unsealed(attemptId);
    if (!log) return false;
    // An attempt that no runner ever began has nothing to miss.
    const incomplete = log.result !== null || log.started;
    return this.#seal(attemptId, {
      length: log.length,
      sha256: await this.#sha256(attemptId, log.length),
      incomplete,
      truncated: log.result?.log.truncated ?? false,
    });
  }

  async #unsealed(
    attemptId: string,
  ): Promise<{ length: number; result: AttemptResult | null; started: boolean } | undefined> {
    const row = await this.#db
      .selectFrom('attempts')
      .select(['log_length', 'result', 'started_at'])
      .where('id', '=', attemptId)
      .where('log_sealed_at', 'is', null)
      .where('finished_at', 'is not', null)
      .executeTakeFirst();
    return (
      row && { length: row.log_length, result: row.result as AttemptResult | null, started: row.started_at !== null }
    );
  }

  async #sha256(attemptId: string, length: number): Promise<string> {
    const known = this.#hashes.digest(attemptId, length);
    if (known !== undefined) return known;
    const hash = createHash('sha256');
    for await (const bytes of this.#reader.read(attemptId, 0, length)) hash.update(bytes);
    return hash.digest('hex');
  }

  /** Only if nobody was faster and not a byte came meanwhile. */
  async #seal(
    attemptId: string,
    log: { length: number; sha256: string; incomplete: boolean; truncated: boolean },
  ): Promise<boolean> {
    const { numUpdatedRows } = await this.#db
      .updateTable('attempts')
      .set({
        log_sealed_at: sql<Date>`now()`,
        log_sha256: log.sha256,
        log_incomplete: log.incomplete,
        log_truncated: log.truncated,
      })
      .where('id', '=', attemptId)
      .where('log_sealed_at', 'is', null)
      .where('log_length', '=', log.length)
      .executeTakeFirst();
    if (numUpdatedRows === 0n) return false;
    this.#hashes.forget(attemptId);
    this.#live.logGrew(attemptId, log.length, true);
    await this.#segments.forget(attemptId);
    return true;
  }
}
