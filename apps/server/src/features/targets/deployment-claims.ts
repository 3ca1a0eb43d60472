import { Inject, Injectable } from '@nestjs/common';
import { Kysely, sql } from 'kysely';
import { Ids } from '../../platform/clock/clock.port.ts';
import type { Db, DbOrTx } from '../../platform/db/database.ts';
import { DriveSettings } from './drive-settings.ts';

/** Another replica drives this deployment now, or may: nothing more may be called or written. */
export class ClaimLostError extends Error {
  override readonly name = 'ClaimLostError';
}

/**
 * The right to drive one deployment, in `deployments.holder` and `holder_until` by the database's time. It is renewed while
 * it is used and ends by itself when its replica dies. A replica that was stopped for longer than its claim notices by its
 * own monotonic clock before it calls the target again.
 */
export class DeploymentClaim {
  readonly deploymentId: string;
  readonly holder: string;
  readonly #db: Db;
  readonly #settings: DriveSettings;
  readonly #lost = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #validUntil: number;
  constructor(deploymentId: string, holder: string, db: Db, settings: DriveSettings, asked: number) {
    this.deploymentId = deploymentId;
    this.holder = holder;
    this.#db = db;
    this.#settings = settings;
    this.#validUntil = asked + settings.claimMs;
    this.#timer = setInterval(() => void this.#renew(), settings.renewMs);
  }

  /** Aborted when the claim is gone. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Throws ClaimLostError. To be called right before every call to the outside. */
  ensureHeld(): void {
    if (performance.now() >= this.#validUntil) this.#lost.abort();
    if (this.#lost.signal.aborted) throw new ClaimLostError(`the claim on deployment ${this.deploymentId} ended`);
  }

  /** The same by the database, as part of a transaction that writes. */
  async ensureHeldIn(db: DbOrTx): Promise<void> {
    const held = await db
      .selectFrom('deployments')
      .select('id')
      .where('id', '=', this.deploymentId)
      .where('holder', '=', this.holder)
      .where('holder_until', '>', sql<Date>`now()`)
      .executeTakeFirst();
    if (!held) throw new ClaimLostError(`the claim on deployment ${this.deploymentId} ended`);
  }

  /** Stops renewing; the claim then ends by itself. */
  abandon(): void {
    clearInterval(this.#timer);
  }

  async release(): Promise<void> {
    this.abandon();
    await this.#db
      .updateTable('deployments')
      .set({ holder: null, holder_until: null })
      .where('id', '=', this.deploymentId)
      .where('holder', '=', this.holder)
      .execute();
  }

  async #renew(): Promise<void> {
    const asked = performance.now();
    try {
      const { numUpdatedRows } = await this.#db
        .updateTable('deployments')
        .set({ holder_until: until(this.#settings.claimMs) })
        .where('id', '=', this.deploymentId)
        .where('holder', '=', this.holder)
        .executeTakeFirst();
      if (numUpdatedRows === 1n) this.#validUntil = asked + this.#settings.claimMs;
      else this.#lost.abort();
    } catch {
      // The database is away: the next renewal may still come in time, and `ensureHeld` knows when it did not.
    }
  }
}

@Injectable()
export class DeploymentClaims {
  readonly #db: Db;
  readonly #settings: DriveSettings;
  /** This process; a restarted one is another holder. */
  readonly #replica: string;
  constructor(@Inject(Kysely) db: Db, settings: DriveSettings, ids: Ids) {
    this.#db = db;
    this.#settings = settings;
    this.#replica = ids.next();
  }

  /** Null while another driver holds it, or when the deployment is not to be driven. */
  async take(deploymentId: string): Promise<DeploymentClaim | null> {
    const asked = performance.now();
    const { numUpdatedRows } = await this.#db
      .updateTable('deployments')
      .set({ holder: this.#replica, holder_until: until(this.#settings.claimMs) })
      .where('id', '=', deploymentId)
      .where('status', 'in', ['running', 'unknown'])
      .where((where) => where.or([where('holder', 'is', null), where('holder_until', '<', sql<Date>`now()`)]))
      .executeTakeFirst();
    return numUpdatedRows === 1n
      ? new DeploymentClaim(deploymentId, this.#replica, this.#db, this.#settings, asked)
      : null;
  }

  /** Deployments under way that nobody drives, oldest first. */
  async unheld(limit: number): Promise<string[]> {
    const rows = await this.#db
      .selectFrom('deployments')
      .select('id')
      .where('status', 'in', ['running', 'unknown'])
      .where((where) => where.or([where('holder', 'is', null), where('holder_until', '<', sql<Date>`now()`)]))
      .orderBy('started_at')
      .limit(limit)
      .execute();
    return rows.map(({ id }) => id);
  }
}

function until(ms: number) {
  return sql<Date>`now() + ${`${ms} milliseconds`}::interval`;
}
