import { Injectable, Logger } from '@nestjs/common';
import { Kysely, sql } from 'kysely';
import type { Tables } from '../../platform/db/schema.ts';
import { keptOf, type LimitsOfTeam } from './team-limits.ts';

const MOST = 1_000;

/** What goes by its age alone, one statement each. All of them answer how many went. */
@Injectable()
export class RemoveSmallRows {
  readonly #log = new Logger('retention');
  readonly #db: Kysely<Tables>;
  constructor(db: Kysely<Tables>) {
    this.#db = db;
  }

  /** What the target of an ended deployment did, step by step; that it was, when and how it ended stays. */
  async deploymentEvents(teams: readonly LimitsOfTeam[]): Promise<number> {
    const { numAffectedRows = 0n } = await sql`
      update deployments set target_events = '[]', events_removed = jsonb_build_object(
        'at', to_char(now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), 'afterDays', old.days)
      from ${keptOf(teams, 'deploymentEventDays')}
      cross join lateral (
        select id, kept.most as days from deployments as ended
        where ended.team_id = kept.team_id and finished_at < now() - kept.most * interval '1 day' and events_removed is null
        order by finished_at limit ${MOST}) as old
      where deployments.id = old.id and deployments.holder is null
        and deployments.status not in ('waiting', 'running', 'unknown')`.execute(this.#db);
    return Number(numAffectedRows);
  }

  /** Ended sessions, reset links, registration tokens and API tokens. */
  async access(days: number): Promise<number> {
    const over = sql`now() - ${days} * interval '1 day'`;
    let removed = 0;
    for (const statement of [
      sql`delete from sessions where expires_at < ${over}`,
      sql`delete from password_resets where expires_at < ${over}`,
      sql`delete from runner_registration_tokens where least(expires_at, used_at) < ${over}`,
      sql`delete from api_tokens where least(expires_at, revoked_at) < ${over}`,
    ])
      removed += Number((await statement.execute(this.#db)).numAffectedRows ?? 0n);
    return removed;
  }

  /** What was told to a forge of commits that have no run any more; the forge keeps what it shows. */
  async commitStatuses(days: number): Promise<number> {
    const { numAffectedRows = 0n } = await sql`
      delete from commit_statuses using (
        select service_id, commit from commit_statuses as settled
        where due_at is null and sent_at < now() - ${days} * interval '1 day' and not exists (
          select from runs where runs.service_id = settled.service_id and runs.commit = settled.commit)
        order by sent_at limit ${MOST}) as old
      where commit_statuses.service_id = old.service_id and commit_statuses.commit = old.commit
        and commit_statuses.due_at is null`.execute(this.#db);
    return Number(numAffectedRows);
  }

  /** Messages that failed for so long will not succeed any more; each is told, for it was a promise. */
  async messages(days: number): Promise<number> {
    const { rows } = await sql<{ id: number; topic: string; tries: number; last_error: string | null }>`
      delete from outbox where id in (
        select id from outbox where created_at < now() - ${days} * interval '1 day' and last_error is not null
        order by id limit ${MOST} for update skip locked)
      returning id, topic, tries, last_error`.execute(this.#db);
    for (const { id, topic, tries, last_error: error } of rows)
      this.#log.warn(`message ${id} (${topic}) is given up after ${days} days and ${tries} tries: ${error ?? ''}`);
    return rows.length;
  }

  /** Records of old sweeps. */
  async sweeps(): Promise<void> {
    await sql`delete from retention_sweeps where started_at < now() - interval '30 days'`.execute(this.#db);
  }
}
