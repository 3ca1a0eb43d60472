import { Injectable } from '@nestjs/common';
import { Kysely, sql } from 'kysely';
import type { Tables } from '../../platform/db/schema.ts';
import { RequestsInFlight } from '../../platform/http/requests-in-flight.ts';
import { WakeQueue } from '../../platform/queue/wake-queue.port.ts';

/** A message that nobody has tried for so long: the relay of no replica makes progress. */
const UNTRIED_SECONDS = 30;
const ANSWER_MS = 3_000;

export interface Readiness {
  readonly ready: boolean;
  readonly checks: Readonly<Record<'stopping' | 'database' | 'migrations' | 'outbox', 'ok' | 'failing'>> & {
    /** Degraded: wake-ups are lost and work is found by the regular sweeps, which is slower and no reason to take a server out (F29). */
    readonly queue: 'ok' | 'degraded';
  };
}

/** Ready = can do work and does it. One message that fails again and again does not count: it must not take every server out. */
@Injectable()
export class ReadReadiness {
  readonly #db: Kysely<Tables>;
  readonly #queue: WakeQueue;
  readonly #inFlight: RequestsInFlight;
  constructor(db: Kysely<Tables>, queue: WakeQueue, inFlight: RequestsInFlight) {
    this.#db = db;
    this.#queue = queue;
    this.#inFlight = inFlight;
  }

  async read(): Promise<Readiness> {
    const found = await Promise.race([
      this.#look().catch(() => undefined),
      new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), ANSWER_MS).unref()),
    ]);
    const checks = {
      stopping: this.#inFlight.stopping.aborted ? ('failing' as const) : ('ok' as const),
      database: found ? ('ok' as const) : ('failing' as const),
      migrations: found?.migrated ? ('ok' as const) : ('failing' as const),
      outbox: found && !found.stuck ? ('ok' as const) : ('failing' as const),
      queue: this.#queue.problem() === null ? ('ok' as const) : ('degraded' as const),
    };
    return { ready: !Object.values(checks).includes('failing'), checks };
  }

  async #look(): Promise<{ migrated: boolean; stuck: boolean }> {
    const { rows } = await sql<{ migrated: boolean; stuck: boolean }>`
      select exists (select 1 from kysely_migration) as migrated,
             exists (select 1 from outbox where tries = 0 and available_at < now() - make_interval(secs => ${UNTRIED_SECONDS})) as stuck`.execute(
      this.#db,
    );
    return rows[0]!;
  }
}
