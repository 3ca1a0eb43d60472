import { Injectable } from '@nestjs/common';
import { Kysely, sql } from 'kysely';
import type { z } from 'zod';
import { waitingCause } from '@sluice/engine';
import type { waiting } from '@sluice/protocol';
import type { Row, Tables } from '../../platform/db/schema.ts';

type Waiting = z.infer<typeof waiting>;

interface Place {
  readonly id: string;
  readonly pool: string;
  readonly online: number;
  readonly ahead: number;
}

/** Why ready attempts have no runner yet, from their pools as they are now. */
@Injectable()
export class ReadQueue {
  readonly #db: Kysely<Tables>;
  constructor(db: Kysely<Tables>) {
    this.#db = db;
  }

  /** By attempt id. One query, however many attempts wait and however long the queue is. */
  async why(attempts: readonly Row<'attempts'>[]): Promise<Map<string, Waiting>> {
    const places = await this.#places(attempts);
    const causes = new Map<string, Waiting>();
    for (const attempt of attempts) {
      const place = places.get(attempt.id);
      const cause = waitingCause({
        kind: 'attempt',
        requirement: { teamId: attempt.team_id, trust: attempt.trust, labels: attempt.labels },
        readyAt: attempt.queued_at.toISOString(),
        ...(place ? { pool: { name: place.pool, runnersOnline: place.online, ahead: place.ahead } } : {}),
      });
      if (cause)
        causes.set(attempt.id, {
          code: cause.code,
          message: cause.message,
          since: cause.since,
          endsWhen: cause.endedBy,
        });
    }
    return causes;
  }

  async #places(attempts: readonly Row<'attempts'>[]): Promise<Map<string, Place>> {
    const pools = [...new Set(attempts.flatMap(({ pool_id: pool }) => (pool === null ? [] : [pool])))];
    if (pools.length === 0) return new Map();
    const { rows } = await sql<Place>`
      select queued.id, pools.name as pool, queued.ahead,
        (select count(*) from runners where runners.pool_id = pools.id and removed_at is null
          and last_seen_at > now() - interval '90 seconds') as online
      from (
        select id, pool_id, rank() over (partition by pool_id order by queued_at) - 1 as ahead
        from attempts where status = 'queued' and pool_id = any(${pools}::uuid[])) as queued
      join pools on pools.id = queued.pool_id
      where queued.id = any(${attempts.map(({ id }) => id)}::uuid[])`.execute(this.#db);
    return new Map(rows.map((row) => [row.id, row]));
  }
}
