import { Injectable } from '@nestjs/common';
import { Kysely, sql } from 'kysely';
import type { Tables } from '../../platform/db/schema.ts';
import { Transactions, type Unit } from '../../platform/db/transactions.ts';
import { failpoint } from '../../platform/failpoints/failpoints.ts';
import { behind, type Batch, type Place } from './batches.ts';
import { isHeld, RUNS_ALWAYS_KEPT } from './kept-runs.ts';
import { keptOf, type LimitsOfTeam } from './team-limits.ts';

/** A run of 200 jobs has some thousand rows. */
const MOST = 25;
/** Ended runs that one look reads. */
const LOOKED_AT = 200;
/** Also a service that runs every minute shows what happened today. */
const LEAST_HOURS = 24;

/**
 * Removes ended runs as a whole: events, attempts with their logs, tests, artifacts, the release and its deployments. Their segments and
 * artifacts are named in `log_puts` before the rows go, in the same transaction, so the objects are removed whatever happens next.
 */
@Injectable()
export class RemoveRuns {
  readonly #db: Kysely<Tables>;
  readonly #transactions: Transactions;
  constructor(db: Kysely<Tables>, transactions: Transactions) {
    this.#db = db;
    this.#transactions = transactions;
  }

  /** By age: looks at so many of the oldest runs behind a place. Repeating it is fine, and so is doing it twice at once. */
  async removeBatch(teams: readonly LimitsOfTeam[], after: Place): Promise<Batch> {
    const { rows } = await sql<{ id: string; at: string; due: boolean }>`
      select old.id, old.finished_at::text as at,
        old.number < services.next_run_number - ${RUNS_ALWAYS_KEPT}::int and not ${isHeld('old')} as due
      from ${keptOf(teams, 'runDays')}
      cross join lateral (
        select id, finished_at, number, service_id from runs
        where runs.team_id = kept.team_id and finished_at < now() - kept.most * interval '1 day'
          and (finished_at, id) > (${after.at}::timestamptz, ${after.id}::uuid)
        order by finished_at, id limit ${LOOKED_AT}) as old
      join services on services.id = old.service_id
      order by old.finished_at, old.id limit ${LOOKED_AT}`.execute(this.#db);
    const due = rows.filter((row) => row.due).map(({ id }) => id);
    return { removed: await this.#remove(due), next: behind(rows, LOOKED_AT) };
  }

  /** By number: what a service has beyond its most, oldest first. */
  async removeSurplus(teams: readonly LimitsOfTeam[]): Promise<Batch> {
    const { rows } = await sql<{ id: string; at: string }>`
      select old.id, old.finished_at::text as at from ${keptOf(teams, 'runsMost')}
      join services on services.team_id = kept.team_id and services.next_run_number > kept.most
      cross join lateral (
        select id, finished_at from runs
        where runs.service_id = services.id
          and runs.number < services.next_run_number - greatest(kept.most, ${RUNS_ALWAYS_KEPT}::int)
          and runs.finished_at < now() - ${LEAST_HOURS} * interval '1 hour' and not ${isHeld('runs')}
        order by runs.number limit ${MOST}) as old
      limit ${LOOKED_AT}`.execute(this.#db);
    const removed = await this.#remove(rows.map(({ id }) => id));
    return { removed, next: removed === 0 ? undefined : behind(rows, LOOKED_AT) };
  }

  async #remove(ids: readonly string[]): Promise<number> {
    let removed = 0;
    for (let from = 0; from < ids.length; from += MOST) removed += await this.#removeSome(ids.slice(from, from + MOST));
    return removed;
  }

  async #removeSome(ids: readonly string[]): Promise<number> {
    const removed = await this.#transactions.run(async (unit) => {
      const { tx } = unit;
      // A run that somebody works on is left for the next sweep. A release that is locked cannot enter a lane meanwhile,
      // so what is looked at after the locks stays true.
      const { rows: locked } = await sql<{ id: string }>`
        select id from runs where id = any(${ids}::uuid[]) order by id for update skip locked`.execute(tx);
      await sql`select from releases where run_id = any(${locked.map((run) => run.id)}::uuid[]) for update`.execute(tx);
      const { rows } = await sql<{ id: string }>`
        select id from runs where id = any(${locked.map((run) => run.id)}::uuid[]) and not ${isHeld('runs')}`.execute(
        tx,
      );
      const gone = rows.map((run) => run.id);
      if (gone.length === 0) return 0;
      await keepHands(unit, gone);
      await sql`
        insert into log_puts (blob_key, abandoned_at)
        select blob_key, now() from log_segments join attempts on attempts.id = log_segments.attempt_id
        where attempts.run_id = any(${gone}::uuid[])`.execute(tx);
      await sql`
        with left_behind as (delete from artifacts where run_id = any(${gone}::uuid[]) returning blob_key)
        insert into log_puts (blob_key, abandoned_at) select blob_key, now() from left_behind`.execute(tx);
      await sql`
        delete from deployments using releases
        where releases.id = deployments.release_id and releases.run_id = any(${gone}::uuid[])`.execute(tx);
      await sql`delete from releases where run_id = any(${gone}::uuid[])`.execute(tx);
      await sql`
        delete from commit_statuses as told using runs
        where runs.id = any(${gone}::uuid[]) and told.service_id = runs.service_id and told.commit = runs.commit and told.due_at is null
          and not exists (
            select from runs as other where other.service_id = told.service_id and other.commit = told.commit
            and other.id <> all(${gone}::uuid[]))`.execute(tx);
      await sql`delete from runs where id = any(${gone}::uuid[])`.execute(tx);
      await failpoint('remove-runs:before-commit');
      return gone.length;
    });
    await failpoint('remove-runs:after-commit');
    return removed;
  }
}

/** Who pushed or triggered a run had a hand in its commit, also when nobody remembers the run. In one order, so that two sweeps wait and never lock each other out. */
async function keepHands({ tx }: Unit, runIds: readonly string[]): Promise<void> {
  await sql`
    insert into commit_hands (repository_id, service_id, commit, part, identity, user_id)
    select distinct services.repository_id, runs.service_id, runs.commit,
      case when state #>> '{trigger,kind}' = 'push' then 'pushed' else 'triggered' end,
      state #>> '{trigger,by,name}', (state #>> '{trigger,by,userId}')::uuid
    from runs join services on services.id = runs.service_id
    where runs.id = any(${runIds}::uuid[]) and state #>> '{trigger,by,name}' is not null
      and state #>> '{trigger,by,kind}' <> 'system'
    order by 1, 2, 3, 4, 5, 6
    on conflict do nothing`.execute(tx);
}
