import { Injectable } from '@nestjs/common';
import { Kysely, sql } from 'kysely';
import type { Tables } from '../../platform/db/schema.ts';
import { behind, type Batch, type Place } from './batches.ts';
import { isHeld } from './kept-runs.ts';
import { keptOf, type LimitsOfTeam } from './team-limits.ts';

const MOST = 50;

/** Removes the test cases and report files of old runs; how many passed and failed stays with the run. */
@Injectable()
export class RemoveTests {
  readonly #db: Kysely<Tables>;
  constructor(db: Kysely<Tables>) {
    this.#db = db;
  }

  async removeBatch(teams: readonly LimitsOfTeam[], after: Place): Promise<Batch> {
    const shortest = Math.min(...teams.map(({ limits }) => limits.testDays));
    const { rows } = await sql<{ id: string; at: string; run_id: string; days: number; due: boolean }>`
      select old.attempt_id as id, old.at::text as at, attempts.run_id, kept.most as days,
        old.at < now() - kept.most * interval '1 day' and not ${isHeld('runs')} as due
      from (
        select attempt_id, received_at as at from test_reports
        where received_at < now() - ${shortest} * interval '1 day' and (received_at, attempt_id) > (${after.at}::timestamptz, ${after.id}::uuid)
        order by received_at, attempt_id limit ${MOST}) as old
      join attempts on attempts.id = old.attempt_id
      join runs on runs.id = attempts.run_id
      join ${keptOf(teams, 'testDays')} on kept.team_id = attempts.team_id
      order by old.at, old.attempt_id`.execute(this.#db);
    const due = new Map(rows.filter((row) => row.due).map((row) => [row.run_id, row.days]));
    for (const [runId, days] of due) await this.#remove(runId, days);
    return { removed: due.size, next: behind(rows, MOST) };
  }

  /** All of a run at once, in one statement: half of its counts would be wrong counts. */
  async #remove(runId: string, days: number): Promise<void> {
    await sql`
      with counted as (
        select count(*) filter (where status = 'passed') as passed, count(*) filter (where status = 'failed') as failed,
               count(*) filter (where status = 'skipped') as skipped
        from test_cases where run_id = ${runId}),
      said as (
        update runs set tests_removed = jsonb_build_object(
          'at', to_char(now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), 'afterDays', ${days}::int,
          'passed', passed, 'failed', failed, 'skipped', skipped)
        from counted where runs.id = ${runId} and tests_removed is null),
      cases as (delete from test_cases where run_id = ${runId})
      delete from test_reports using attempts where attempts.id = test_reports.attempt_id and attempts.run_id = ${runId}`.execute(
      this.#db,
    );
  }
}
