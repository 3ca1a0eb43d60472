import { Injectable, Logger } from '@nestjs/common';
import { Kysely, sql } from 'kysely';
import { Ids } from '../../platform/clock/clock.port.ts';
import type { RetentionLimits } from '../../platform/config/config.ts';
import { json } from '../../platform/db/database.ts';
import type { Tables } from '../../platform/db/schema.ts';
import { Transactions } from '../../platform/db/transactions.ts';
import { TrimAudit } from '../audit/index.ts';
import { RemoveOrphans } from '../logs/index.ts';
import { FROM_THE_START, type Batch, type Place } from './batches.ts';
import { RemoveDeliveries } from './remove-deliveries.ts';
import { RemoveFiles } from './remove-files.ts';
import { RemoveLogs } from './remove-logs.ts';
import { RemoveRuns } from './remove-runs.ts';
import { RemoveSmallRows } from './remove-small-rows.ts';
import { RemoveTests } from './remove-tests.ts';
import { Retention } from './retention.ts';
import { readTeamLimits } from './team-limits.ts';

/** A sweep that found no end of one thing goes on with the next; the rest has its turn soon. */
const MOST_BATCHES = 200;
/** Renewed with each batch; no batch takes so long. */
const HELD_SECONDS = 60;
const EVERY_MINUTES = 60;
/** Any number of our own; all servers must agree on it. Held for one short transaction. */
const SWEEP_LOCK = 7_352_002;

export interface SweepResult {
  readonly removed: Readonly<Record<string, number>>;
  readonly problems: readonly string[];
  /** More is due than one sweep takes away. */
  readonly more: boolean;
}

interface SweepOptions {
  /** Also when the last sweep was a short time ago. */
  readonly now?: boolean;
  readonly stopped?: () => boolean;
}

/**
 * One round over everything that has a limit, in small batches, each a short transaction of its own. One replica sweeps at a time,
 * only so that no work is done twice: each batch looks again under its locks, so two sweeps at once do no harm.
 */
@Injectable()
export class SweepRetention {
  readonly #log = new Logger('retention');
  readonly #db: Kysely<Tables>;
  readonly #transactions: Transactions;
  readonly #ids: Ids;
  readonly #limits: RetentionLimits;
  readonly #runs: RemoveRuns;
  readonly #logs: RemoveLogs;
  readonly #tests: RemoveTests;
  readonly #files: RemoveFiles;
  readonly #deliveries: RemoveDeliveries;
  readonly #small: RemoveSmallRows;
  readonly #audit: TrimAudit;
  readonly #orphans: RemoveOrphans;
  constructor(
    db: Kysely<Tables>,
    transactions: Transactions,
    ids: Ids,
    { limits }: Retention,
    runs: RemoveRuns,
    logs: RemoveLogs,
    tests: RemoveTests,
    files: RemoveFiles,
    deliveries: RemoveDeliveries,
    small: RemoveSmallRows,
    audit: TrimAudit,
    orphans: RemoveOrphans,
  ) {
    this.#db = db;
    this.#transactions = transactions;
    this.#ids = ids;
    this.#limits = limits;
    this.#runs = runs;
    this.#logs = logs;
    this.#tests = tests;
    this.#files = files;
    this.#deliveries = deliveries;
    this.#small = small;
    this.#audit = audit;
    this.#orphans = orphans;
  }

  /** Undefined: another one goes on, or (unless `now`) the last one is not long enough ago. Ends early when `stopped` says so. */
  async sweep({ now = false, stopped = () => false }: SweepOptions = {}): Promise<SweepResult | undefined> {
    const sweepId = await this.#begin(now);
    if (sweepId === undefined) return undefined;
    const removed: Record<string, number> = {};
    const problems: string[] = [];
    let more = false;
    for (const [name, batch] of await this.#parts()) {
      if (stopped()) break;
      try {
        const done = await this.#part(sweepId, batch, stopped);
        removed[name] = done.removed;
        more ||= done.more;
      } catch (error) {
        // What is in trouble must not keep the rest from its turn.
        this.#log.error({ err: error }, `retention could not remove ${name}; the next sweep tries again`);
        problems.push(`${name}: ${error instanceof Error ? error.message : String(error)}`.slice(0, 1_000));
      }
    }
    await this.#db
      .updateTable('retention_sweeps')
      .set({ finished_at: sql<Date>`now()`, removed: json(removed), problems: json(problems), more })
      .where('id', '=', sweepId)
      .execute();
    return { removed, problems, more };
  }

  /** What is removed, in this order, each batch after batch from a place on. */
  async #parts(): Promise<[name: string, batch: (after: Place) => Promise<Batch>][]> {
    const limits = this.#limits;
    const teams = await readTeamLimits(this.#db, limits);
    const ofTeams: [string, (after: Place) => Promise<Batch>][] = [
      ['runs', (after) => this.#runs.removeBatch(teams, after)],
      ['surplusRuns', () => this.#runs.removeSurplus(teams)],
      ['logs', (after) => this.#logs.removeBatch(teams, after)],
      ['tests', (after) => this.#tests.removeBatch(teams, after)],
      ['deploymentEvents', () => whole(this.#small.deploymentEvents(teams))],
    ];
    return [
      ...(teams.length === 0 ? [] : ofTeams),
      ['files', () => this.#files.removeBatch()],
      ['deliveries', (after) => this.#deliveries.removeBatch(limits.deliveryDays, after)],
      ['commitStatuses', () => whole(this.#small.commitStatuses(limits.runDays))],
      ['auditEntries', async () => whole(this.#audit.trim(await this.#daysAgo(limits.auditDays)))],
      ['access', () => once(this.#small.access(limits.accessDays))],
      ['messages', () => once(this.#small.messages(limits.messageDays))],
      // Last, so that what the parts before named is gone at the end of the same sweep.
      ['objects', () => whole(this.#orphans.sweep())],
    ];
  }

  async #part(
    sweepId: string,
    batch: (after: Place) => Promise<Batch>,
    stopped: () => boolean,
  ): Promise<{ removed: number; more: boolean }> {
    let removed = 0;
    let place: Place | undefined = FROM_THE_START;
    for (let count = 0; place !== undefined; count += 1) {
      if (count === MOST_BATCHES || stopped()) return { removed, more: true };
      await this.#hold(sweepId);
      const done: Batch = await batch(place);
      removed += done.removed;
      place = done.next;
    }
    return { removed, more: false };
  }

  async #begin(now: boolean): Promise<string | undefined> {
    return this.#transactions.run(async ({ tx }) => {
      await sql`select pg_advisory_xact_lock(${SWEEP_LOCK})`.execute(tx);
      await this.#small.sweeps();
      // Only the newest one counts: an older one that had an end says nothing about what is due.
      const { rows } = await sql<{ busy: boolean }>`
        select case when finished_at is null then held_until > now()
          else not ${now} and not more and started_at > now() - ${EVERY_MINUTES} * interval '1 minute' end as busy
        from retention_sweeps order by started_at desc limit 1`.execute(tx);
      if (rows[0]?.busy) return undefined;
      const id = this.#ids.next();
      await tx
        .insertInto('retention_sweeps')
        .values({ id, held_until: sql<Date>`now() + ${HELD_SECONDS} * interval '1 second'` })
        .execute();
      return id;
    });
  }

  async #hold(sweepId: string): Promise<void> {
    await this.#db
      .updateTable('retention_sweeps')
      .set({ held_until: sql<Date>`now() + ${HELD_SECONDS} * interval '1 second'` })
      .where('id', '=', sweepId)
      .execute();
  }

  async #daysAgo(days: number): Promise<Date> {
    const { rows } = await sql<{ at: Date }>`select now() - ${days} * interval '1 day' as at`.execute(this.#db);
    return rows[0]!.at;
  }
}

/** Again until nothing is left. */
async function whole(work: Promise<number>): Promise<Batch> {
  const removed = await work;
  return { removed, next: removed === 0 ? undefined : FROM_THE_START };
}

async function once(work: Promise<number>): Promise<Batch> {
  return { removed: await work, next: undefined };
}
