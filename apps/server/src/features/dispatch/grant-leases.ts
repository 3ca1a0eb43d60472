import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { grantLease, pick, type Lease, type Trust } from '@sluice/engine';
import type { Unit } from '../../platform/db/transactions.ts';
import { leaseOf, secondsAfter, type AttemptRow } from './attempt-lease.ts';
import { DispatchSettings } from './dispatch-settings.ts';

export interface GrantedPoll {
  readonly pollId: string;
  readonly replicaId: string;
  readonly attemptId: string;
  readonly epoch: number;
}

interface OpenPoll {
  readonly id: string;
  readonly runner_id: string;
  readonly replica_id: string;
  readonly since: Date;
  readonly slots: number;
  /** Leases that its runner holds. */
  readonly held: number;
  readonly trust: Trust;
  readonly labels: string[];
  readonly team_id: string | null;
}

interface Grant {
  readonly poll: OpenPoll;
  readonly attemptId: string;
  readonly lease: Lease;
}

/** Most polls and most attempts of one team that one transaction looks at. */
const WINDOW = 100;

/** The one place where leases begin: matches what is ready with who waits, in the caller's transaction. */
@Injectable()
export class GrantLeases {
  readonly #settings: DispatchSettings;
  constructor(settings: DispatchSettings) {
    this.#settings = settings;
  }

  async grant(unit: Unit, poolId: string): Promise<GrantedPoll[]> {
    // One dispatch of a pool at a time: two that skip each other's locked rows could leave a fitting pair unmatched.
    const { rows } = await sql<{ now: Date }>`
      select clock_timestamp() as now from pg_advisory_xact_lock(hashtextextended(${`dispatch:${poolId}`}, 0))`.execute(
      unit.tx,
    );
    const now = rows[0]!.now;
    const polls = await openPolls(unit, poolId);
    if (polls.length === 0) return [];
    const ready = await lockReady(unit, poolId, polls.length);
    if (ready.length === 0) return [];
    const matches = pick(
      ready.map((row) => ({
        attemptId: row.id,
        teamId: row.team_id,
        trust: row.trust,
        labels: row.labels,
        priority: row.priority,
        readyAt: row.queued_at.toISOString(),
      })),
      polls.map((poll) => ({
        pollId: poll.id,
        runnerId: poll.runner_id,
        trust: poll.trust,
        labels: poll.labels,
        teamId: poll.team_id,
        since: poll.since.toISOString(),
      })),
      now.toISOString(),
      await runningPerTeam(unit, new Set(ready.map((row) => row.team_id))),
    );
    const grants = matches.flatMap(({ attemptId, pollId }): Grant[] => {
      const poll = polls.find(({ id }) => id === pollId)!;
      const decision = grantLease(leaseOf(ready.find(({ id }) => id === attemptId)!), {
        runnerId: poll.runner_id,
        expiresAt: secondsAfter(now, this.#settings.leaseSeconds),
      });
      return decision.kind === 'accepted' ? [{ poll, attemptId, lease: decision.lease }] : [];
    });
    await writeGrants(unit, grants, now);
    return grants.map(({ poll, attemptId, lease }) => ({
      pollId: poll.id,
      replicaId: poll.replica_id,
      attemptId,
      epoch: lease.epoch,
    }));
  }
}

/** All grants of a look in one statement. */
async function writeGrants(unit: Unit, grants: readonly Grant[], now: Date): Promise<void> {
  if (grants.length === 0) return;
  await sql`
    with granted as (
      select * from unnest(
        ${grants.map(({ attemptId }) => attemptId)}::uuid[], ${grants.map(({ poll }) => poll.id)}::uuid[],
        ${grants.map(({ lease }) => lease.status)}::text[], ${grants.map(({ lease }) => lease.epoch)}::int[],
        ${grants.map(({ lease }) => lease.runnerId)}::uuid[], ${grants.map(({ lease }) => lease.expiresAt)}::timestamptz[],
        ${grants.map(({ lease }) => lease.startedAt)}::timestamptz[]
      ) as granted(attempt_id, poll_id, status, epoch, runner_id, expires_at, started_at)),
    answered as (
      update polls set attempt_id = granted.attempt_id from granted where polls.id = granted.poll_id)
    update attempts set status = granted.status, epoch = granted.epoch, runner_id = granted.runner_id,
      expires_at = granted.expires_at, started_at = granted.started_at, poll_id = granted.poll_id, leased_at = ${now}
    from granted where attempts.id = granted.attempt_id`.execute(unit.tx);
}

/** Longest wait first, and never more of one runner than it has free slots (A56, I26). */
async function openPolls(unit: Unit, poolId: string): Promise<OpenPoll[]> {
  const { rows } = await sql<OpenPoll>`
    with held as (
      select runner_id, count(*)::int as count from attempts where status = 'running' group by runner_id)
    select polls.id, polls.runner_id, polls.replica_id, polls.since, runners.slots, coalesce(held.count, 0) as held,
      pools.trust, pools.labels, pools.team_id
    from polls
    join runners on runners.id = polls.runner_id
    join pools on pools.id = polls.pool_id
    left join held on held.runner_id = polls.runner_id
    where polls.pool_id = ${poolId} and polls.attempt_id is null and polls.expires_at > now()
      and runners.removed_at is null and not runners.draining
    order by polls.since limit ${WINDOW} for update of polls skip locked`.execute(unit.tx);
  const used = new Map<string, number>();
  return rows.filter(({ runner_id: runner, slots, held }) => {
    const count = used.get(runner) ?? held;
    used.set(runner, count + 1);
    return count < slots;
  });
}

/**
 * From each team that has ready attempts as many as there are polls, best first: a team with thousands of them must not
 * hide another team's only one. The teams are found by jumping through the index, not by reading it.
 */
async function lockReady(unit: Unit, poolId: string, polls: number): Promise<AttemptRow[]> {
  const { rows } = await sql<AttemptRow>`
    with recursive teams as (
      (select team_id from attempts where pool_id = ${poolId} and status = 'queued' order by team_id limit 1)
      union all
      select (select next.team_id from attempts as next where next.pool_id = ${poolId} and next.status = 'queued'
              and next.team_id > teams.team_id order by next.team_id limit 1)
      from teams where teams.team_id is not null),
    candidates as (
      select best.id from teams cross join lateral (
        select id from attempts where pool_id = ${poolId} and status = 'queued' and team_id = teams.team_id
        order by priority desc, queued_at limit ${polls}) as best
      where teams.team_id is not null)
    select * from attempts where id in (select id from candidates) and status = 'queued'
    for update skip locked`.execute(unit.tx);
  return rows;
}

/** Fair share is counted in the transaction that grants; a team alone has nobody to share with. */
async function runningPerTeam(unit: Unit, teams: ReadonlySet<string>): Promise<Map<string, number>> {
  if (teams.size < 2) return new Map();
  const rows = await unit.tx
    .selectFrom('attempts')
    .select(['team_id', (eb) => eb.fn.countAll<number>().as('count')])
    .where('status', '=', 'running')
    .groupBy('team_id')
    .execute();
  return new Map(rows.map(({ team_id: team, count }) => [team, Number(count)]));
}
