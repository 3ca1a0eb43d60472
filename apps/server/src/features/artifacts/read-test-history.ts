import { Inject, Injectable } from '@nestjs/common';
import type { testOutcome } from '@sluice/protocol';
import { Kysely, sql } from 'kysely';
import type { z } from 'zod';
import type { Db } from '../../platform/db/database.ts';
import type { UserPrincipal } from '../../platform/http/principal.ts';
import { serviceInScope } from '../runs/index.ts';

const SHOWN = 50;

/** One test of a service over its runs, the newest first: whether it fails always, since a commit, or now and then. */
@Injectable()
export class ReadTestHistory {
  readonly #db: Db;
  constructor(@Inject(Kysely) db: Db) {
    this.#db = db;
  }

  async read(
    person: UserPrincipal,
    { service, suite, name }: { service: string; suite: string; name: string },
  ): Promise<z.infer<typeof testOutcome>[]> {
    const { id } = await serviceInScope(this.#db, person, service);
    const rows = await this.#db
      .selectFrom('test_cases')
      .innerJoin('attempts', 'attempts.id', 'test_cases.attempt_id')
      .innerJoin('runs', 'runs.id', 'test_cases.run_id')
      .select(['runs.id', 'runs.number as run_number', 'runs.ref', 'runs.commit', 'runs.created_at'])
      .select([
        'test_cases.job_key',
        'attempts.number',
        'test_cases.status',
        'test_cases.seconds',
        'test_cases.message',
      ])
      .where('test_cases.service_id', '=', id)
      // As the index has it.
      .where(sql<boolean>`md5(test_cases.suite || '/' || test_cases.name) = md5(${suite} || '/' || ${name})`)
      .where('test_cases.suite', '=', suite)
      .where('test_cases.name', '=', name)
      .orderBy('runs.number', 'desc')
      .orderBy('test_cases.job_key')
      .orderBy('attempts.number', 'desc')
      .limit(SHOWN)
      .execute();
    return rows.map((row) => ({
      run: {
        id: row.id,
        number: row.run_number,
        ref: row.ref,
        commit: row.commit,
        at: row.created_at.toISOString(),
      },
      job: row.job_key,
      attempt: row.number,
      status: row.status,
      seconds: row.seconds,
      message: row.message,
    }));
  }
}
