import { randomInt } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Transaction } from 'kysely';
import type { Db } from './database.ts';
import type { Tables } from './schema.ts';

/** One transaction in the making. `afterCommit` callbacks run once, in order, only if it commits; they must not throw. */
export interface Unit {
  readonly tx: Transaction<Tables>;
  afterCommit(callback: () => void): void;
}

const RETRIED = new Set(['40001', '40P01']);
const MAX_TRIES = 5;
/** Longest pause before the second try; doubled with each further one. */
const PAUSE_MS = 20;

/**
 * Runs work in one transaction. Serialisation failures and deadlocks are retried with the whole function re-run (F37), after
 * a pause that chance gives, so that two of them do not meet again. So the function must have no side effect outside the transaction except through `afterCommit`.
 */
export class Transactions {
  readonly #db: Db;
  constructor(db: Db) {
    this.#db = db;
  }

  async run<T>(work: (unit: Unit) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      const callbacks: (() => void)[] = [];
      try {
        const result = await this.#db
          .transaction()
          .execute((tx) => work({ tx, afterCommit: (callback) => void callbacks.push(callback) }));
        for (const callback of callbacks) callback();
        return result;
      } catch (error) {
        if (attempt >= MAX_TRIES || !RETRIED.has((error as { code?: string }).code ?? '')) throw error;
        await pause(randomInt(PAUSE_MS * 2 ** attempt));
      }
    }
  }
}
