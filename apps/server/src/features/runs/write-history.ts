import { sql } from 'kysely';
import { isTerminal, nextWakeAt, runGroup, type RunEvent, type RunState } from '@sluice/engine';
import { json } from '../../platform/db/database.ts';
import type { Unit } from '../../platform/db/transactions.ts';
import type { OutboxMessage } from '../../platform/outbox/outbox.ts';

export interface HistoryEntry {
  /** Version before these events; undefined for the first ones of a run, whose row was just made with all of them in it. */
  readonly from: number | undefined;
  readonly events: readonly RunEvent[];
  readonly messages: readonly OutboxMessage[];
  readonly withSnapshot: boolean;
}

/**
 * Writes what happened to a run in one statement: its row, its events, the rows of attempts that ended with their polls, and messages. One
 * statement, because each round trip under the run's lock is time in which nobody else can work on the run.
 */
export async function writeHistory(
  unit: Unit,
  state: RunState,
  { from, events, messages, withSnapshot }: HistoryEntry,
): Promise<void> {
  const first = state.version - events.length + 1;
  const ended = events.filter((event) => event.type === 'attempt-ended' && isTerminal(event.status)) as Extract<
    RunEvent,
    { type: 'attempt-ended' }
  >[];
  const change =
    from === undefined
      ? sql`select id from runs where id = ${state.runId}`
      : sql`update runs set status = ${state.status}, version = ${state.version}, finished_at = ${state.finishedAt ?? null},
          release_id = ${state.releaseId ?? null}, wake_at = ${nextWakeAt(state) ?? null},
          group_key = ${runGroup(state)?.key ?? null} ${withSnapshot ? sql`, state = ${json(state)}::jsonb` : sql``}
        where id = ${state.runId} and version = ${from} returning id`;
  const { rows } = await sql`
    with changed as (${change}),
    told as (
      insert into run_events (run_id, sequence, at, event)
      select ${state.runId}::uuid, entry.sequence, entry.at, entry.event
      from unnest(${events.map((_, index) => first + index)}::int[], ${events.map(({ at }) => at)}::timestamptz[],
        ${events.map((event) => json(event))}::jsonb[]) as entry(sequence, at, event)),
    ${
      // The rows follow the run: an attempt that it has ended can no longer be leased, renewed or reported.
      ended.length === 0
        ? sql``
        : sql`ended as (
      update attempts set status = ending.status, finished_at = now(), reason = ending.reason, exit_code = ending.exit_code
      from unnest(${ended.map(({ attemptId }) => attemptId)}::uuid[], ${ended.map(({ status }) => status)}::text[],
        ${ended.map(({ reason }) => (reason ? json(reason) : null))}::jsonb[],
        ${ended.map(({ exitCode }) => exitCode ?? null)}::int[]) as ending(id, status, reason, exit_code)
      where attempts.id = ending.id and attempts.status in ('queued', 'running')),
    answered as (delete from polls where attempt_id = any(${ended.map(({ attemptId }) => attemptId)}::uuid[])),
    ${lookWhereTheTeamWaits(state)},`
    }
    messages as (
      insert into outbox (topic, payload)
      select * from unnest(${messages.map(({ topic }) => topic)}::text[], ${messages.map(({ payload }) => payload)}::jsonb[]))
    select id from changed`.execute(unit.tx);
  if (rows.length !== 1) throw new Error(`run ${state.runId} changed under its lock`);
}

/** Where a limit holds jobs of the team, the end of one makes room for another, in whatever pool that waits. */
function lookWhereTheTeamWaits({ teamId, serviceId, plan }: RunState) {
  return sql`room as (
      insert into outbox (topic, payload)
      select 'look-at-pool', jsonb_build_object('poolId', waiting.pool_id)
      from (select distinct pool_id from attempts where team_id = ${teamId} and status = 'queued' and pool_id is not null) as waiting
      where ${plan.concurrency?.limit !== undefined}
        or exists (select from teams where id = ${teamId} and max_running is not null)
        or exists (select from services where id = ${serviceId} and max_running is not null))`;
}
