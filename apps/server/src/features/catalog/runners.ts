import { Injectable } from '@nestjs/common';
import { Kysely, sql } from 'kysely';
import { Config } from '../../platform/config/config.ts';
import { databaseNow } from '../../platform/db/database.ts';
import type { Tables } from '../../platform/db/schema.ts';
import { Transactions } from '../../platform/db/transactions.ts';
import { actorOf, visibleTeams, type UserPrincipal } from '../../platform/http/principal.ts';
import { Outbox } from '../../platform/outbox/outbox.ts';
import { Audit } from '../audit/index.ts';
import { requirePoolAdmin, visiblePools } from './pools.ts';

/** A waiting runner is heard of at least this often: it polls for up to 55 s. */
export const ONLINE_SECONDS = 90;

@Injectable()
export class Runners {
  readonly #config: Config;
  readonly #db: Kysely<Tables>;
  readonly #transactions: Transactions;
  readonly #outbox: Outbox;
  readonly #audit: Audit;
  constructor(config: Config, db: Kysely<Tables>, transactions: Transactions, outbox: Outbox, audit: Audit) {
    this.#config = config;
    this.#db = db;
    this.#transactions = transactions;
    this.#outbox = outbox;
    this.#audit = audit;
  }

  /** Of shared pools a person sees every runner, but only the jobs of their own teams. */
  async list(by: UserPrincipal) {
    const rows = await visiblePools(this.#db, by)
      .innerJoin('runners', 'runners.pool_id', 'pools.id')
      .select([
        'runners.id',
        'runners.name',
        'pools.name as pool',
        'labels',
        'slots',
        'version',
        'draining',
        'trouble',
        'offers_host',
        'trust',
        'last_seen_at',
      ])
      .where('removed_at', 'is', null)
      .orderBy('pools.name')
      .orderBy('runners.name')
      .execute();
    if (rows.length === 0) return [];
    const ids = rows.map(({ id }) => id);
    const jobs = await this.#db
      .selectFrom('attempts')
      .innerJoin('runs', 'runs.id', 'attempts.run_id')
      .innerJoin('services', 'services.id', 'attempts.service_id')
      .select([
        'attempts.id as attemptId',
        'attempts.runner_id',
        'attempts.team_id',
        'runs.id as runId',
        'services.slug as service',
        'runs.number',
        'job_key as job',
      ])
      .select(sql<Date>`coalesce(attempts.leased_at, attempts.queued_at)`.as('since'))
      .where('attempts.status', '=', 'running')
      .where('attempts.runner_id', 'in', ids)
      .orderBy('attempts.leased_at')
      .execute();
    const teams = new Set(visibleTeams(by));
    const silentBefore =
      (await databaseNow(this.#db)).getTime() - Math.max(ONLINE_SECONDS, this.#config.leaseSeconds) * 1000;
    return rows.map((row) => {
      const own = jobs.filter((job) => job.runner_id === row.id);
      const silent = row.last_seen_at.getTime() < silentBefore;
      return {
        id: row.id,
        name: row.name,
        pool: row.pool,
        labels: row.labels,
        state: silent
          ? ('silent' as const)
          : row.draining
            ? ('draining' as const)
            : own.length > 0
              ? ('busy' as const)
              : ('idle' as const),
        trouble: row.trouble,
        ...(row.offers_host && row.trust === 'trusted' ? { host: true } : {}),
        slots: row.slots,
        busy: own.length,
        version: row.version,
        lastSeenAt: row.last_seen_at.toISOString(),
        jobs: own
          .filter((job) => teams.has(job.team_id))
          .map(({ attemptId, runId, service, number, job, since }) => ({
            attemptId,
            runId,
            service,
            number,
            job,
            since: since.toISOString(),
          })),
      };
    });
  }

  /** Its token is refused from the next call on; what it holds ends with its leases. */
  async remove(by: UserPrincipal, runnerId: string): Promise<void> {
    const row = await this.#db
      .selectFrom('runners')
      .innerJoin('pools', 'pools.id', 'runners.pool_id')
      .select(['pools.team_id', 'runners.name'])
      .where('runners.id', '=', runnerId)
      .where('removed_at', 'is', null)
      .executeTakeFirst();
    requirePoolAdmin(by, row, `Runner ${runnerId}`);
    await this.#transactions.run(async (unit) => {
      await unit.tx
        .updateTable('runners')
        .set({ removed_at: sql<Date>`now()` })
        .where('id', '=', runnerId)
        .execute();
      await this.#outbox.add(unit, 'changed', { topics: ['runners'] });
      await this.#audit.record(unit, {
        teamId: row!.team_id,
        actor: actorOf(by),
        action: 'runner.remove',
        subject: `runner:${runnerId}`,
        detail: { name: row!.name },
      });
    });
  }
}
