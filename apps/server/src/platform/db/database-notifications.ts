import { sql } from 'kysely';
import pg from 'pg';
import { answeringSocket, LONGEST_SILENCE_MS } from './answering-socket.ts';
import type { Db } from './database.ts';

/**
 * Hints between replicas by LISTEN/NOTIFY on one direct connection per process. A hint may be lost (the connection was
 * down) or doubled: whoever listens also looks by itself, at the latest in `onReconnect`. Payloads are ids, 8,000 bytes at
 * most. Never send inside a transaction that changes state: it halves the throughput.
 */
export abstract class DatabaseNotifications {
  abstract listen(channel: string, handler: (payload: string) => void): Promise<void>;
  /** Called after each reconnection, when hints may have been missed. */
  abstract onReconnect(callback: () => void): void;
  abstract notify(channel: string, payload: string): Promise<void>;
  abstract close(): Promise<void>;
}

const CHANNEL = /^[a-z_]{1,50}$/;

export class PgNotifications extends DatabaseNotifications {
  readonly #url: string;
  readonly #db: Db;
  readonly #onError: (error: Error) => void;
  readonly #silenceMs: number;
  readonly #handlers = new Map<string, Set<(payload: string) => void>>();
  readonly #callbacks: (() => void)[] = [];
  #client: Promise<pg.Client> | undefined;
  #retry: NodeJS.Timeout | undefined;
  #ping: NodeJS.Timeout | undefined;
  #pauseMs = 100;
  #closed = false;

  /** `silenceMs`: a connection on which nothing was heard for this long is dead; it is asked thrice as often. */
  constructor(url: string, db: Db, onError: (error: Error) => void = () => undefined, silenceMs = LONGEST_SILENCE_MS) {
    super();
    this.#silenceMs = silenceMs;
    this.#url = url;
    this.#db = db;
    this.#onError = onError;
  }

  override async listen(channel: string, handler: (payload: string) => void): Promise<void> {
    if (!CHANNEL.test(channel)) throw new TypeError(`"${channel}" is no channel name; use a-z and _.`);
    const handlers = this.#handlers.get(channel) ?? new Set();
    const isNew = handlers.size === 0;
    this.#handlers.set(channel, handlers.add(handler));
    if (this.#client === undefined) return this.#connect(false);
    // While the connection is down, the next one listens to everything that is asked for by then.
    if (isNew) await this.#client.then((client) => client.query(`listen ${channel}`)).catch(() => undefined);
  }

  override onReconnect(callback: () => void): void {
    this.#callbacks.push(callback);
  }

  override async notify(channel: string, payload: string): Promise<void> {
    await sql`select pg_notify(${channel}, ${payload})`.execute(this.#db);
  }

  override async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    clearInterval(this.#ping);
    const client = await this.#client?.catch(() => undefined);
    await client?.end().catch(() => undefined);
  }

  async #connect(again: boolean): Promise<void> {
    this.#client = this.#open();
    try {
      await this.#client;
      this.#pauseMs = 100;
      if (again) for (const callback of this.#callbacks) callback();
    } catch (error) {
      this.#lost(error as Error);
    }
  }

  async #open(): Promise<pg.Client> {
    const client = new pg.Client({
      connectionString: this.#url,
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
      connectionTimeoutMillis: 5_000,
      stream: () => answeringSocket(this.#silenceMs),
      application_name: 'sluice-listen',
    });
    let connected = false;
    client.on('error', (error) => {
      if (connected) this.#lost(error);
      connected = false;
    });
    client.on('end', () => {
      if (connected) this.#lost(new Error('the listening connection ended'));
      connected = false;
    });
    client.on('notification', ({ channel, payload }) => {
      for (const handler of this.#handlers.get(channel) ?? []) handler(payload ?? '');
    });
    try {
      await client.connect();
      for (const channel of this.#handlers.keys()) await client.query(`listen ${channel}`);
    } catch (error) {
      client.end().catch(() => undefined);
      throw error;
    }
    connected = true;
    // Who only listens cannot tell a dead peer from a quiet one.
    clearInterval(this.#ping);
    this.#ping = setInterval(() => void client.query('select').catch(() => undefined), this.#silenceMs / 3);
    return client;
  }

  #lost(error: Error): void {
    if (this.#closed) return;
    this.#onError(error);
    const gone = this.#client;
    void gone?.then((client) => client.end()).catch(() => undefined);
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => void this.#connect(true), this.#pauseMs);
    this.#pauseMs = Math.min(this.#pauseMs * 2, 5_000);
  }
}
