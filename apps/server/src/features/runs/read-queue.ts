import { Injectable } from '@nestjs/common';
import { Kysely, sql } from 'kysely';
import type { z } from 'zod';
import { waitingCause } from '@sluice/engine';
import type { waiting } from '@sluice/protocol';
import type { Row, Tables } from '../../platform/db/schema.ts';

/** Why a ready attempt has no runner yet, from the pool as it is now. */
@Injectable()
export class ReadQueue {
  readonly #db: Kysely<Tables>;
  constructor(db: Kysely<Tables>) {
    this.#db = db;
  }

  async why(attempt: Row<'attempts'>): Promise<z.infer<typeof waiting> | null> {
    const pool =
      attempt.pool_id === null
        ? undefined
        : await this.#db
            .selectFrom('pools')
            .select((eb) => [
              'pools.name',
              eb
                .selectFrom('runners')
                .select((inner) => inner.fn.countAll<number>().as('count'))
                .whereRef('runners.pool_id', '=', 'pools.id')
                .where('removed_at', 'is', null)
                .where('last_seen_at', '>', sql<Date>`now() - interval '90 seconds'`)
                .as('online'),
              eb
                .selectFrom('attempts')
                .select((inner) => inner.fn.countAll<number>().as('count'))
                .whereRef('attempts.pool_id', '=', 'pools.id')
                .where('status', '=', 'queued')
                .where('queued_at', '<', attempt.queued_at)
                .as('ahead'),
            ])
            .where('pools.id', '=', attempt.pool_id)
            .executeTakeFirst();
    const cause = waitingCause({
      kind: 'attempt',
      requirement: { teamId: attempt.team_id, trust: attempt.trust, labels: attempt.labels },
      readyAt: attempt.queued_at.toISOString(),
      ...(pool
        ? { pool: { name: pool.name, runnersOnline: Number(pool.online ?? 0), ahead: Number(pool.ahead ?? 0) } }
        : {}),
    });
    return cause ? { code: cause.code, message: cause.message, since: cause.since, endsWhen: cause.endedBy } : null;
  }
}
