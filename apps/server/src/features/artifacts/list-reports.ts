import { Injectable } from '@nestjs/common';
import { Kysely } from 'kysely';
import type { z } from 'zod';
import type { testReport } from '@sluice/protocol';
import type { Tables } from '../../platform/db/schema.ts';
import { notFound } from '../../platform/http/problem.ts';
import { requireRole, type UserPrincipal } from '../../platform/http/principal.ts';

@Injectable()
export class ListReports {
  readonly #db: Kysely<Tables>;
  constructor(db: Kysely<Tables>) {
    this.#db = db;
  }

  /** Refused ones first: they are what a reader has to know. */
  async list(by: UserPrincipal, runId: string): Promise<z.infer<typeof testReport>[]> {
    const run = await this.#db.selectFrom('runs').select('team_id').where('id', '=', runId).executeTakeFirst();
    if (!run) throw notFound(`Run ${runId}`);
    requireRole(by, run.team_id, 'viewer', `Run ${runId}`);
    const rows = await this.#db
      .selectFrom('test_reports')
      .innerJoin('attempts', 'attempts.id', 'test_reports.attempt_id')
      .select(['attempts.job_key', 'attempts.number', 'file', 'cases', 'finding', 'received_at'])
      .where('attempts.run_id', '=', runId)
      .orderBy((eb) => eb.case().when('finding', 'is', null).then(1).else(0).end())
      .orderBy('received_at')
      .limit(1_000)
      .execute();
    return rows.map((row) => ({
      job: row.job_key,
      attempt: row.number,
      file: row.file,
      cases: row.cases,
      finding: row.finding,
      receivedAt: row.received_at.toISOString(),
    }));
  }
}
