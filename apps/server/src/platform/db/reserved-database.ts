import type { Db } from './database.ts';
import { Transactions } from './transactions.ts';

/**
 * A few connections beside the pool, for what must go on while every other one waits for a lock: runners keep the leases of jobs that
 * run, or an overload of the database would end all of them (F38).
 */
export class ReservedDatabase {
  readonly db: Db;
  readonly transactions: Transactions;
  constructor(db: Db) {
    this.db = db;
    this.transactions = new Transactions(db);
  }
}
