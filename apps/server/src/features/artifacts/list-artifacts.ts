import { Inject, Injectable } from '@nestjs/common';
import type { artifact, cacheUse } from '@sluice/protocol';
import { Kysely } from 'kysely';
import type { z } from 'zod';
import type { Db } from '../../platform/db/database.ts';
import type { Row } from '../../platform/db/schema.ts';
import { visibleTeams, type UserPrincipal } from '../../platform/http/principal.ts';
import { notFound } from '../../platform/http/problem.ts';
import { orNone, runInScope, RunStates } from '../runs/index.ts';

const LIST_LIMIT = 1_000;

/** What people see of artifacts and caches of a run. */
@Injectable()
export class ListArtifacts {
  readonly #db: Db;
  readonly #states: RunStates;
  constructor(@Inject(Kysely) db: Db, states: RunStates) {
    this.#db = db;
    this.#states = states;
  }

  async ofRun(person: UserPrincipal, runId: string): Promise<z.infer<typeof artifact>[]> {
    await runInScope(this.#db, person, runId);
    const state = await this.#states.read(this.#db, runId);
    // A job that was taken over left its artifacts in the run that did it.
    const carried = Map.groupBy(
      Object.values(state?.jobs ?? {}).filter(({ carriedFrom }) => carriedFrom !== undefined),
      ({ carriedFrom }) => carriedFrom!,
    );
    const rows = await this.#db
      .selectFrom('artifacts')
      .innerJoin('attempts', 'attempts.id', 'artifacts.attempt_id')
      .innerJoin('runs', 'runs.id', 'artifacts.run_id')
      .select(['artifacts.id', 'artifacts.name', 'artifacts.job_key', 'artifacts.run_id', 'attempts.number'])
      .select([
        'runs.number as run_number',
        'artifacts.files',
        'artifacts.length',
        'artifacts.sha256',
        'artifacts.created_at',
      ])
      .where('artifacts.status', '=', 'kept')
      .where((eb) =>
        eb.or([
          eb('artifacts.run_id', '=', runId),
          ...[...carried].map(([from, jobs]) =>
            eb.and([
              eb('artifacts.run_id', '=', from),
              eb('attempts.status', '=', 'passed'),
              eb(
                'artifacts.job_key',
                'in',
                jobs.map(({ key }) => key),
              ),
            ]),
          ),
        ]),
      )
      .orderBy('artifacts.job_key')
      .orderBy('artifacts.name')
      .orderBy('attempts.number')
      .limit(LIST_LIMIT)
      .execute();
    return rows.map((row) => ({
      id: row.id,
      name: row.name,
      job: row.job_key,
      attempt: row.number,
      fromRun: row.run_id === runId ? null : { id: row.run_id, number: row.run_number },
      files: row.files,
      length: row.length,
      sha256: row.sha256,
      createdAt: row.created_at.toISOString(),
    }));
  }

  async cachesOfRun(person: UserPrincipal, runId: string): Promise<z.infer<typeof cacheUse>[]> {
    await runInScope(this.#db, person, runId);
    const rows = await this.#db
      .selectFrom('cache_uses')
      .innerJoin('attempts', 'attempts.id', 'cache_uses.attempt_id')
      .leftJoin('caches', (join) => join.onRef('caches.id', '=', 'cache_uses.left_id').on('caches.status', '=', 'kept'))
      .select(['attempts.job_key', 'attempts.number', 'cache_uses.key', 'cache_uses.outcome'])
      .select(['cache_uses.found_key', 'cache_uses.length', 'caches.id as left'])
      .where('attempts.run_id', '=', runId)
      .orderBy('attempts.job_key')
      .orderBy('attempts.number')
      .orderBy('cache_uses.place')
      .limit(LIST_LIMIT)
      .execute();
    return rows.map((row) => ({
      job: row.job_key,
      attempt: row.number,
      key: row.key,
      outcome: row.outcome,
      foundKey: row.found_key,
      length: row.length,
      left: row.left !== null,
    }));
  }

  /** One that is kept, of a team of this person. */
  async visible(
    person: UserPrincipal,
    id: string,
  ): Promise<Row<'artifacts'> & { readonly service: string; readonly run_number: number }> {
    const row = await this.#db
      .selectFrom('artifacts')
      .innerJoin('services', 'services.id', 'artifacts.service_id')
      .innerJoin('runs', 'runs.id', 'artifacts.run_id')
      .selectAll('artifacts')
      .select(['services.slug as service', 'runs.number as run_number'])
      .where('artifacts.id', '=', id)
      .where('artifacts.status', '=', 'kept')
      .where('artifacts.team_id', 'in', orNone(visibleTeams(person)))
      .executeTakeFirst();
    if (!row) throw notFound('This artifact');
    return row;
  }
}
