import { Injectable } from '@nestjs/common';
import { Kysely, sql } from 'kysely';
import type { z } from 'zod';
import { waitingCause, type QueuedAttempt } from '@sluice/engine';
import type { waiting } from '@sluice/protocol';
import type { Row, Tables } from '../../platform/db/schema.ts';

type Unfit = NonNullable<NonNullable<QueuedAttempt['pool']>['unfit']>[number];

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
                .selectFrom('runners')
                .select((inner) =>
                  sql<
                    Unfit[] | null
                  >`jsonb_agg(jsonb_build_object('name', ${inner.ref('runners.name')}, 'trouble', ${inner.ref('trouble')}) order by ${inner.ref('runners.name')})`.as(
                    'unfit',
                  ),
                )
                .whereRef('runners.pool_id', '=', 'pools.id')
                .where('removed_at', 'is', null)
                .where('draining', '=', true)
                .where('last_seen_at', '>', sql<Date>`now() - interval '90 seconds'`)
                .as('unfit'),
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
        ? {
            pool: {
              name: pool.name,
              runnersOnline: Number(pool.online ?? 0),
              ahead: Number(pool.ahead ?? 0),
              unfit: pool.unfit ?? [],
            },
          }
        : {}),
    });
    return cause ? { code: cause.code, message: cause.message, since: cause.since, endsWhen: cause.endedBy } : null;
  }
}
