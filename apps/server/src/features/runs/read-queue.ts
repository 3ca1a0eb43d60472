import { Injectable } from '@nestjs/common';
import { Kysely } from 'kysely';
import type { z } from 'zod';
import { priorityOfRank } from '@sluice/engine';
import type { queue } from '@sluice/protocol';
import type { Tables } from '../../platform/db/schema.ts';
import { visibleTeams, type UserPrincipal } from '../../platform/http/principal.ts';
import { ExplainQueue } from './explain-queue.ts';
import { orNone } from './service-scope.ts';

/** A queue longer than this is one to be mended, not to be read line by line. */
const SHOWN = 200;

/** Everything of a person's teams that is ready and has no runner, oldest first, each with its cause. */
@Injectable()
export class ReadQueue {
  readonly #db: Kysely<Tables>;
  readonly #explain: ExplainQueue;
  constructor(db: Kysely<Tables>, explain: ExplainQueue) {
    this.#db = db;
    this.#explain = explain;
  }

  async read(person: UserPrincipal): Promise<z.infer<typeof queue>> {
    const waiting = this.#db
      .selectFrom('attempts')
      .where('attempts.status', '=', 'queued')
      .where('attempts.team_id', 'in', orNone(visibleTeams(person)));
    const [rows, total] = await Promise.all([
      waiting
        .innerJoin('runs', 'runs.id', 'attempts.run_id')
        .innerJoin('services', 'services.id', 'attempts.service_id')
        .innerJoin('teams', 'teams.id', 'attempts.team_id')
        .leftJoin('pools', 'pools.id', 'attempts.pool_id')
        .selectAll('attempts')
        .select(['runs.number as run_number', 'services.slug', 'teams.slug as team', 'pools.name as pool'])
        .orderBy('attempts.queued_at')
        .orderBy('attempts.id')
        .limit(SHOWN)
        .execute(),
      waiting.select((eb) => eb.fn.countAll<number>().as('count')).executeTakeFirstOrThrow(),
    ]);
    const causes = await this.#explain.explain(rows);
    return {
      total: Number(total.count),
      items: rows.flatMap((row) => {
        const cause = causes.get(row.id);
        if (!cause) return [];
        return {
          attemptId: row.id,
          runId: row.run_id,
          service: row.slug,
          team: row.team,
          number: row.run_number,
          job: row.job_key,
          pool: row.pool,
          priority: priorityOfRank(row.priority) ?? 'default',
          waiting: cause,
        };
      }),
    };
  }
}
