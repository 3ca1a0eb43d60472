import { Inject, Injectable, Logger } from '@nestjs/common';
import { Kysely, sql } from 'kysely';
import { DatabaseNotifications } from '../../platform/db/database-notifications.ts';
import type { Db } from '../../platform/db/database.ts';
import { POLLS_CHANNEL } from './dispatch.ts';
import { DispatchSettings } from './dispatch-settings.ts';
import { WaitingPolls } from './waiting-polls.ts';

/**
 * While this process lives, its polls do: each beat prolongs their rows, and finds answers whose hint was lost. When the
 * process dies, nobody dispatches to its polls any more after `pollSeconds`.
 */
@Injectable()
export class VouchForPolls {
  readonly #log = new Logger('polls');
  readonly #db: Db;
  readonly #waiting: WaitingPolls;
  readonly #notifications: DatabaseNotifications;
  readonly #settings: DispatchSettings;
  #timer: NodeJS.Timeout | undefined;
  #beating: Promise<void> | undefined;
  #stopped = false;

  constructor(
    @Inject(Kysely) db: Db,
    waiting: WaitingPolls,
    notifications: DatabaseNotifications,
    settings: DispatchSettings,
  ) {
    this.#db = db;
    this.#waiting = waiting;
    this.#notifications = notifications;
    this.#settings = settings;
  }

  async start(): Promise<void> {
    await this.#notifications.listen(POLLS_CHANNEL, (payload) => {
      const [replica, poll] = payload.split(' ');
      if (replica === this.#waiting.replicaId && poll) this.#waiting.answer(poll);
    });
    this.#notifications.onReconnect(() => void this.beat());
    this.#timer = setInterval(() => void this.beat(), (this.#settings.pollSeconds * 1_000) / 3);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    await this.#beating;
  }

  beat(): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    this.#beating ??= this.#prolong().finally(() => (this.#beating = undefined));
    return this.#beating;
  }

  async #prolong(): Promise<void> {
    const ids = this.#waiting.ids();
    if (ids.length === 0) return;
    try {
      const { rows } = await sql<{ id: string }>`
        update polls set expires_at = now() + ${this.#settings.pollSeconds} * interval '1 second'
        where id = any(${ids}::uuid[]) and replica_id = ${this.#waiting.replicaId} and attempt_id is null returning id`.execute(
        this.#db,
      );
      const open = new Set(rows.map(({ id }) => id));
      const registered = new Set(await this.#registered(ids));
      // Answered or replaced: the connection looks for itself. One that is about to be registered is left alone.
      for (const id of ids) if (!open.has(id) && registered.has(id)) this.#waiting.answer(id);
    } catch (error) {
      this.#log.warn({ err: error }, 'polls could not be prolonged');
    }
  }

  async #registered(ids: readonly string[]): Promise<string[]> {
    const rows = await this.#db
      .selectFrom('polls')
      .select('id')
      .where('id', 'in', [...ids])
      .execute();
    return rows.map(({ id }) => id);
  }
}
