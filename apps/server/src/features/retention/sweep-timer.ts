import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { conflict } from '../../platform/http/problem.ts';
import { RemoveMirrors } from './remove-mirrors.ts';
import { Retention } from './retention.ts';
import { SweepRetention } from './sweep-retention.ts';

const LOOK_MS = 60_000;

/** Every replica looks once a minute whether a sweep is due; the database lets one of them begin. */
@Injectable()
export class SweepTimer implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #log = new Logger('retention');
  readonly #sweep: SweepRetention;
  readonly #mirrors: RemoveMirrors;
  readonly #retention: Retention;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #stopped = false;
  constructor(sweep: SweepRetention, mirrors: RemoveMirrors, retention: Retention) {
    this.#sweep = sweep;
    this.#mirrors = mirrors;
    this.#retention = retention;
  }

  onApplicationBootstrap(): void {
    if (!this.#retention.on) return;
    this.#timer = setInterval(() => this.#look(false), LOOK_MS);
  }

  async onModuleDestroy(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    await this.#running;
  }

  /** Comes to nothing while a sweep goes on. Throws 409 where nothing is to be removed. */
  sweepNow(): void {
    if (!this.#retention.on)
      throw conflict('retention-off', 'Retention is off (SLUICE_RETENTION): nothing is removed; turn it on first.');
    this.#look(true);
  }

  #look(now: boolean): void {
    if (this.#stopped) return;
    this.#running ??= this.#once(now)
      .catch((error: unknown) => this.#log.error({ err: error }, 'retention could not sweep; the next one tries again'))
      .finally(() => (this.#running = undefined));
  }

  async #once(now: boolean): Promise<void> {
    const result = await this.#sweep.sweep({ now, stopped: () => this.#stopped });
    if (result && Object.values(result.removed).some((count) => count > 0))
      this.#log.log({ removed: result.removed, more: result.more }, 'retention removed what is old');
    await this.#mirrors.remove();
  }
}
