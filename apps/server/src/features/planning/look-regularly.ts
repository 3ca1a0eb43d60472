import { Injectable, Logger } from '@nestjs/common';
import { Kysely, sql } from 'kysely';
import { Clock } from '../../platform/clock/clock.port.ts';
import { Config } from '../../platform/config/config.ts';
import type { Tables } from '../../platform/db/schema.ts';
import { LookForPushes, SETTLE_MS } from './look-for-pushes.ts';

const SWEEP_MS = 10_000;
/** A host that does not answer holds one of these up for two minutes at most. */
const AT_ONCE = 4;

/**
 * The safety net under the webhooks: every repository is looked at every few minutes. When the last look began stands in
 * its row, so of several replicas one does it, and a crash costs one look.
 */
@Injectable()
export class LookRegularly {
  readonly #log = new Logger('planning');
  readonly #db: Kysely<Tables>;
  readonly #clock: Clock;
  readonly #looks: LookForPushes;
  readonly #everyMs: number;
  #timer: NodeJS.Timeout | undefined;
  #sweeping = false;
  #stopping = false;
  constructor(db: Kysely<Tables>, clock: Clock, looks: LookForPushes, config: Config) {
    this.#db = db;
    this.#clock = clock;
    this.#looks = looks;
    this.#everyMs = config.lookMinutes * 60_000;
  }

  start(): void {
    if (this.#everyMs === 0) return;
    this.#timer = setInterval(() => {
      if (this.#sweeping) return;
      this.#sweeping = true;
      void this.sweep()
        .catch((error: unknown) =>
          this.#log.error({ err: error }, 'looking for pushes failed; the next sweep tries again'),
        )
        .finally(() => (this.#sweeping = false));
    }, SWEEP_MS);
  }

  /** Does not wait for a host that takes its time: a look that is cut off has stored nothing, and is made up for later. */
  stop(): void {
    this.#stopping = true;
    clearInterval(this.#timer);
  }

  /** The number of repositories that were looked at. */
  async sweep(): Promise<number> {
    let looks = 0;
    const lookOn = async (): Promise<void> => {
      for (let next = await this.#claim(); next !== undefined; next = await this.#claim()) {
        looks += 1;
        await this.#look(next);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, lookOn));
    return looks;
  }

  /** The repository that has waited longest; nobody else gets it before it is due again. */
  async #claim(): Promise<string | undefined> {
    if (this.#stopping) return undefined;
    const now = this.#clock.now();
    const due = new Date(now.getTime() - this.#everyMs);
    const { rows } = await sql<{ id: string }>`
      update repositories set looked_at = ${now} where id = (
        select id from repositories where looked_at is null or looked_at <= ${due}
        order by looked_at nulls first limit 1 for update skip locked)
      returning id`.execute(this.#db);
    return rows[0]?.id;
  }

  async #look(repositoryId: string): Promise<void> {
    try {
      const { found, unsettled } = await this.#looks.look(repositoryId, SETTLE_MS);
      if (found.length > 0) this.#log.warn({ repositoryId, found }, 'pushes were found that no webhook had announced');
      if (unsettled > 0) await this.#comeBack(repositoryId);
    } catch (error) {
      if (!this.#stopping)
        this.#log.warn({ err: error, repositoryId }, 'the branches of a repository could not be looked at');
    }
  }

  /** Soon after the time that a webhook has, instead of a whole interval later. */
  async #comeBack(repositoryId: string): Promise<void> {
    const wait = Math.min(SETTLE_MS, this.#everyMs);
    await this.#db
      .updateTable('repositories')
      .set({ looked_at: new Date(this.#clock.now().getTime() - this.#everyMs + wait) })
      .where('id', '=', repositoryId)
      .execute();
  }
}
