import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { grantLease, pick, type Match } from '@sluice/engine';
import type { Unit } from '../../platform/db/transactions.ts';
import { leaseOf, secondsAfter, writeLease, type AttemptRow } from './attempt-lease.ts';
import { DispatchSettings } from './dispatch-settings.ts';

export interface GrantedPoll {
  readonly pollId: string;
  readonly replicaId: string;
  readonly attemptId: string;
}

interface OpenPoll {
  readonly id: string;
  readonly runner_id: string;
  readonly replica_id: string;
  readonly since: Date;
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
    const pool = await unit.tx
      .selectFrom('pools')
      .select(['trust', 'labels', 'team_id'])
      .where('id', '=', poolId)
      .executeTakeFirst();
    const polls = pool ? await this.#openPolls(unit, poolId) : [];
    if (!pool || polls.length === 0) return [];
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
        trust: pool.trust,
        labels: pool.labels,
        teamId: pool.team_id,
        since: poll.since.toISOString(),
      })),
      now.toISOString(),
      await runningPerTeam(unit),
    );
    const granted: GrantedPoll[] = [];
    for (const match of matches) {
      const poll = polls.find(({ id }) => id === match.pollId)!;
      if (
        await this.#write(
          unit,
          match,
          poll,
          ready.find(({ id }) => id === match.attemptId)!,
          now,
        )
      ) {
        granted.push({ pollId: poll.id, replicaId: poll.replica_id, attemptId: match.attemptId });
      }
    }
    return granted;
  }

  async #write(unit: Unit, { attemptId, pollId }: Match, poll: OpenPoll, row: AttemptRow, now: Date): Promise<boolean> {
    const decision = grantLease(leaseOf(row), {
      runnerId: poll.runner_id,
      expiresAt: secondsAfter(now, this.#settings.leaseSeconds),
    });
    if (decision.kind !== 'accepted') return false;
    await writeLease(unit, attemptId, decision.lease);
    await unit.tx
      .updateTable('attempts')
      .set({ poll_id: pollId, leased_at: now })
      .where('id', '=', attemptId)
      .execute();
    await unit.tx.updateTable('polls').set({ attempt_id: attemptId }).where('id', '=', pollId).execute();
    return true;
  }

  /** Longest wait first, and never more of one runner than it has free slots (A56, I26). */
  async #openPolls(unit: Unit, poolId: string): Promise<OpenPoll[]> {
    const polls = await unit.tx
      .selectFrom('polls')
      .innerJoin('runners', 'runners.id', 'polls.runner_id')
      .select(['polls.id', 'polls.runner_id', 'polls.replica_id', 'polls.since', 'runners.slots'])
      .where('polls.pool_id', '=', poolId)
      .where('polls.attempt_id', 'is', null)
      .where('polls.expires_at', '>', sql<Date>`now()`)
      .where('runners.removed_at', 'is', null)
      .where('runners.draining', '=', false)
      .orderBy('polls.since')
      .limit(WINDOW)
      .forUpdate('polls')
      .skipLocked()
      .execute();
    if (polls.length === 0) return [];
    const held = await unit.tx
      .selectFrom('attempts')
      .select(['runner_id', (eb) => eb.fn.countAll<number>().as('count')])
      .where('status', '=', 'running')
      .where('runner_id', 'in', [...new Set(polls.map((poll) => poll.runner_id))])
      .groupBy('runner_id')
      .execute();
    const used = new Map(held.map(({ runner_id: runner, count }) => [runner!, Number(count)]));
    return polls.filter(({ runner_id: runner, slots }) => {
      const count = used.get(runner) ?? 0;
      used.set(runner, count + 1);
      return count < slots;
    });
  }
}

/**
 * From each team that has ready attempts as many as there are polls, best first: a team with thousands of them must not
 * hide another team's only one. The teams are found by jumping through the index, not by reading it.
 */
async function lockReady(unit: Unit, poolId: string, polls: number): Promise<AttemptRow[]> {
  const { rows: candidates } = await sql<{ id: string }>`
    with recursive teams as (
      (select team_id from attempts where pool_id = ${poolId} and status = 'queued' order by team_id limit 1)
      union all
      select (select next.team_id from attempts as next where next.pool_id = ${poolId} and next.status = 'queued'
              and next.team_id > teams.team_id order by next.team_id limit 1)
      from teams where teams.team_id is not null)
    select best.id from teams cross join lateral (
      select id from attempts where pool_id = ${poolId} and status = 'queued' and team_id = teams.team_id
      order by priority desc, queued_at limit ${polls}) as best
    where teams.team_id is not null`.execute(unit.tx);
  if (candidates.length === 0) return [];
  return unit.tx
    .selectFrom('attempts')
    .selectAll()
    .where(
      'id',
      'in',
      candidates.map(({ id }) => id),
    )
    .where('status', '=', 'queued')
    .forUpdate()
    .skipLocked()
    .execute();
}

/** Fair share is counted in the transaction that grants. */
async function runningPerTeam(unit: Unit): Promise<Map<string, number>> {
  const rows = await unit.tx
    .selectFrom('attempts')
    .select(['team_id', (eb) => eb.fn.countAll<number>().as('count')])
    .where('status', '=', 'running')
    .groupBy('team_id')
    .execute();
  return new Map(rows.map(({ team_id: team, count }) => [team, Number(count)]));
}
