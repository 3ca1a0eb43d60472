import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { grantLease, pick, type Contention, type Lease, type Trust } from '@sluice/engine';
import type { Unit } from '../../platform/db/transactions.ts';
import { leaseOf, secondsAfter, type AttemptRow } from './attempt-lease.ts';
import { countLimits, fullOnes, limitsOf, NO_LIMITS, type Limits } from './count-limits.ts';
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
  readonly host: boolean;
  readonly team_id: string | null;
  /** The same on every row: some attempt that is ready here may count against a limit. */
  readonly limited: boolean;
}

interface Grant {
  readonly poll: OpenPoll;
  readonly attemptId: string;
  readonly teamId: string;
  readonly lease: Lease;
}

/** Most polls that one look takes up, and so most attempts of one team and priority. */
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
    const granted: GrantedPoll[] = [];
    for (;;) {
      const { grants, mayGoOn } = await this.#match(unit, poolId, rows[0]!.now);
      granted.push(...grants);
      if (!mayGoOn) return granted;
    }
  }

  /** `mayGoOn`: attempts that a limit now holds, or that no host is left for, may have hidden others from this look. */
  async #match(unit: Unit, poolId: string, now: Date): Promise<{ grants: GrantedPoll[]; mayGoOn: boolean }> {
    const polls = await openPolls(unit, poolId);
    if (polls.length === 0) return NOTHING;
    const limited = polls[0]!.limited;
    const limits = limited ? await countLimits(unit, poolId) : NO_LIMITS;
    const ready = await lockReady(unit, poolId, polls, limits);
    if (ready.length === 0) return NOTHING;
    const teams = new Set(ready.map((row) => row.team_id));
    const matches = pick(
      ready.map((row) => ({
        attemptId: row.id,
        teamId: row.team_id,
        trust: row.trust,
        labels: row.labels,
        host: row.needs_host,
        priority: row.priority,
        limits: limitsOf(row),
        readyAt: row.queued_at.toISOString(),
      })),
      polls.map((poll) => ({
        pollId: poll.id,
        runnerId: poll.runner_id,
        trust: poll.trust,
        labels: poll.labels,
        host: poll.host,
        teamId: poll.team_id,
        since: poll.since.toISOString(),
      })),
      now.toISOString(),
      { ...(await fairShare(unit, poolId, teams)), room: limits.room },
    );
    const grants = matches.flatMap(({ attemptId, pollId }): Grant[] => {
      const poll = polls.find(({ id }) => id === pollId)!;
      const row = ready.find(({ id }) => id === attemptId)!;
      const decision = grantLease(leaseOf(row), {
        runnerId: poll.runner_id,
        expiresAt: secondsAfter(now, this.#settings.leaseSeconds),
      });
      return decision.kind === 'accepted' ? [{ poll, attemptId, teamId: row.team_id, lease: decision.lease }] : [];
    });
    await writeGrants(unit, grants, now);
    if (teams.size > 1) await writeTurns(unit, poolId, grants, now);
    return {
      grants: grants.map(({ poll, attemptId, lease }) => ({
        pollId: poll.id,
        replicaId: poll.replica_id,
        attemptId,
        epoch: lease.epoch,
      })),
      mayGoOn: (limited || ready.some((row) => row.needs_host)) && grants.length > 0 && grants.length < polls.length,
    };
  }
}

const NOTHING = { grants: [], mayGoOn: false };

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
      pools.trust, pools.labels, pools.team_id, runners.offers_host and pools.trust = 'trusted' as host,
      (exists (select from attempts where pool_id = ${poolId} and status = 'queued' and group_key is not null)
        or exists (select from teams where max_running is not null)
        or exists (select from services where max_running is not null)) as limited
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
 * From each team that has ready attempts, and of each level of priority, as many as there are polls, oldest first: a team
 * with thousands of them must not hide another team's only one, nor urgent ones a patient one that its wait has lifted. The
 * teams and levels are found by jumping through the index, not by reading it. A team whose first attempt got ready after its limits
 * were to be counted is left to the next look, which that attempt asks for.
 */
async function lockReady(
  unit: Unit,
  poolId: string,
  polls: readonly OpenPoll[],
  limits: Limits,
): Promise<AttemptRow[]> {
  const anyHost = polls.some(({ host }) => host);
  const { teams = [] } = limits;
  const everyTeam = limits.teams === undefined;
  const { rows } = await sql<AttemptRow>`
    with recursive levels as (
      (select team_id, priority from attempts where pool_id = ${poolId} and status = 'queued'
       order by team_id, priority desc limit 1)
      union all
      select next.team_id, next.priority from levels cross join lateral (
        (select team_id, priority from attempts where pool_id = ${poolId} and status = 'queued'
           and team_id = levels.team_id and priority < levels.priority order by priority desc limit 1)
        union all
        (select team_id, priority from attempts where pool_id = ${poolId} and status = 'queued'
           and team_id > levels.team_id order by team_id, priority desc limit 1)
        limit 1) as next),
    candidates as (
      select best.id from levels cross join lateral (
        select id from attempts where pool_id = ${poolId} and status = 'queued' and team_id = levels.team_id
          and priority = levels.priority
          and (group_key is null or run_id = any(${limits.admitted}::uuid[]))
          and (${everyTeam} or team_id = any(${teams}::uuid[]))
          and team_id <> all(${fullOnes(limits, 'team')}::uuid[]) and service_id <> all(${fullOnes(limits, 'service')}::uuid[])
          and (not needs_host or ${anyHost})
        order by queued_at limit ${polls.length}) as best)
    select * from attempts where id in (select id from candidates) and status = 'queued'
    for update skip locked`.execute(unit.tx);
  return rows;
}

/** Fair share is counted in the transaction that grants; a team alone has nobody to share with. */
async function fairShare(unit: Unit, poolId: string, teams: ReadonlySet<string>): Promise<Contention> {
  if (teams.size < 2) return {};
  const { rows } = await sql<{ team_id: string; running: number; served_at: Date | null }>`
    select team_id, coalesce(held.running, 0) as running, turns.served_at
    from unnest(${[...teams]}::uuid[]) as team_id
    left join (select team_id, count(*)::int as running from attempts where status = 'running' group by team_id) as held
      using (team_id)
    left join (select team_id, served_at from pool_turns where pool_id = ${poolId}) as turns using (team_id)`.execute(
    unit.tx,
  );
  return {
    running: new Map(rows.map(({ team_id: team, running }) => [team, running])),
    servedAt: new Map(rows.flatMap(({ team_id: team, served_at: at }) => (at ? [[team, at.toISOString()]] : []))),
  };
}

/** In the order of the grants, so that the next look knows who was served last of all. */
async function writeTurns(unit: Unit, poolId: string, grants: readonly Grant[], now: Date): Promise<void> {
  const last = new Map(grants.map(({ teamId }, order) => [teamId, new Date(now.getTime() + order).toISOString()]));
  await sql`
    insert into pool_turns (pool_id, team_id, served_at)
    select ${poolId}::uuid, * from unnest(${[...last.keys()]}::uuid[], ${[...last.values()]}::timestamptz[])
    on conflict (pool_id, team_id) do update set served_at = excluded.served_at`.execute(unit.tx);
}
