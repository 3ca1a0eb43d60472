import type { Kernel, Process, Task } from './kernel.ts';
import { Signal } from './kernel.ts';
import type { Random } from './random.ts';

/**
 * A transactional store that behaves as PostgreSQL does at READ COMMITTED in what Sluice relies on:
 *
 * - a plain read sees what is committed, and the transaction's own writes; each statement sees it anew;
 * - `lock` (`for update`), `share` (`for share`) and every update take the row's lock, wait for it, and then see the newest
 *   committed row; `tryLock` is `skip locked`; an advisory lock is the lock of a row of the table `advisory`;
 * - locks end with the transaction; a circle of waiters fails one of them (40P01), which is tried again from the start;
 * - a unique key that another transaction committed fails the second one (23505). PostgreSQL says so at the statement, this
 *   store at the commit: nobody can see the difference, since nothing of a failed transaction is ever visible;
 * - a commit is durable and all at once; a process that dies before it leaves nothing behind.
 *
 * The contract spec of the real stores plays the same sequence on both.
 */
export interface Row {
  readonly id: string;
}

export type TableRows = Record<string, Row>;
/** Unique keys of a row; undefined where the partial index does not hold it. */
export type UniqueKeys<Tables extends TableRows> = {
  readonly [T in keyof Tables]?: (row: Tables[T]) => readonly (string | undefined)[];
};

export interface Change<Tables extends TableRows, T extends keyof Tables = keyof Tables> {
  readonly table: T;
  readonly before: Tables[T] | undefined;
  readonly after: Tables[T] | undefined;
}

export class DeadlockError extends Error {
  override readonly name = 'DeadlockError';
}
export class UniqueViolation extends Error {
  override readonly name = 'UniqueViolation';
}

interface Lock {
  exclusive: Holder | undefined;
  readonly shared: Set<Holder>;
  readonly queue: { readonly by: Holder; readonly share: boolean; readonly granted: Signal }[];
}

/** A transaction as locks see it. */
interface Holder {
  readonly waitsFor: Lock | undefined;
  mayTake(lock: Lock, share: boolean): boolean;
  take(key: string, lock: Lock, share: boolean): void;
}

export type CommitHook<Tables extends TableRows> = (
  changes: readonly Change<Tables>[],
  transaction: Transaction<Tables>,
) => void;

export class Store<Tables extends TableRows> {
  readonly kernel: Kernel;
  readonly random: Random;
  readonly #tables = new Map<keyof Tables, Map<string, Row>>();
  readonly #unique: UniqueKeys<Tables>;
  readonly #keys = new Map<string, string>();
  readonly #snapshots = new Map<keyof Tables, readonly Row[]>();
  readonly locks = new Map<string, Lock>();
  readonly #onCommit: CommitHook<Tables>;
  /** Milliseconds of one statement. */
  latency: readonly [number, number] = [1, 6];

  constructor(kernel: Kernel, random: Random, unique: UniqueKeys<Tables>, onCommit: CommitHook<Tables>) {
    this.kernel = kernel;
    this.random = random;
    this.#unique = unique;
    this.#onCommit = onCommit;
  }

  table<T extends keyof Tables>(name: T): ReadonlyMap<string, Tables[T]> {
    return this.#table(name) as unknown as ReadonlyMap<string, Tables[T]>;
  }

  get<T extends keyof Tables>(name: T, id: string): Tables[T] | undefined {
    return this.#table(name).get(id) as Tables[T] | undefined;
  }

  /** In the order of insertion; the same array until the table changes. */
  rows<T extends keyof Tables>(name: T): readonly Tables[T][] {
    let rows = this.#snapshots.get(name);
    if (!rows) this.#snapshots.set(name, (rows = [...this.#table(name).values()]));
    return rows as readonly Tables[T][];
  }

  /** One statement outside of a transaction: at once, as one statement is. Rows that another transaction holds are not looked at. */
  change<T extends keyof Tables>(name: T, row: Tables[T]): void {
    const transaction = new Transaction<Tables>(this, undefined);
    transaction.put(name, row);
    transaction.commit();
  }

  remove<T extends keyof Tables>(name: T, id: string): void {
    const transaction = new Transaction<Tables>(this, undefined);
    transaction.drop(name, id);
    transaction.commit();
  }

  statement(): number {
    return this.random.between(this.latency[0], this.latency[1]);
  }

  /** Called by a transaction only. Throws UniqueViolation with nothing changed. */
  apply(changes: readonly Change<Tables>[], transaction: Transaction<Tables>): void {
    const freed = new Set<string>();
    const taken = new Map<string, string>();
    for (const { table, before, after } of changes) {
      const keysOf = this.#unique[table] as ((row: Row) => readonly (string | undefined)[]) | undefined;
      if (!keysOf) continue;
      const stored = before && (this.#table(table).get(before.id) ?? before);
      for (const [index, key] of (stored ? keysOf(stored) : []).entries())
        if (key !== undefined) freed.add(`${String(table)}.${index}:${key}`);
      for (const [index, key] of (after ? keysOf(after) : []).entries()) {
        if (key === undefined) continue;
        const full = `${String(table)}.${index}:${key}`;
        if (taken.has(full)) throw new UniqueViolation(`two rows with ${full}`);
        taken.set(full, after!.id);
      }
    }
    for (const [key, id] of taken) {
      const owner = this.#keys.get(key);
      if (owner !== undefined && owner !== id && !freed.has(key))
        throw new UniqueViolation(`there is a row with ${key}`);
    }
    for (const key of freed) if (!taken.has(key)) this.#keys.delete(key);
    for (const [key, id] of taken) this.#keys.set(key, id);
    for (const { table, before, after } of changes) {
      this.#snapshots.delete(table);
      if (after) this.#table(table).set(after.id, after);
      else if (before) this.#table(table).delete(before.id);
    }
    this.#onCommit(changes, transaction);
  }

  #table(name: keyof Tables): Map<string, Row> {
    let table = this.#tables.get(name);
    if (!table) this.#tables.set(name, (table = new Map()));
    return table;
  }
}

export class Transaction<Tables extends TableRows> implements Holder {
  readonly store: Store<Tables>;
  readonly process: Process | undefined;
  /** Whose wish is carried out; for the checks alone. */
  readonly cause: unknown;
  readonly startedAt: number;
  readonly #writes = new Map<string, Change<Tables>>();
  readonly #held = new Set<string>();
  waitsFor: Lock | undefined;
  #ended = false;

  constructor(store: Store<Tables>, process: Process | undefined, cause?: unknown) {
    this.store = store;
    this.process = process;
    this.cause = cause;
    this.startedAt = store.kernel.now;
  }

  get<T extends keyof Tables>(table: T, id: string): Tables[T] | undefined {
    const written = this.#writes.get(`${String(table)}:${id}`);
    return written ? (written.after as Tables[T] | undefined) : this.store.get(table, id);
  }

  /** All rows, with the transaction's own writes. */
  rows<T extends keyof Tables>(table: T): readonly Tables[T][] {
    const own = [...this.#writes.values()].filter((change) => change.table === table);
    if (own.length === 0) return this.store.rows(table);
    const rows = new Map(this.store.table(table));
    for (const change of own) {
      if (change.after) rows.set(change.after.id, change.after as Tables[T]);
      else if (change.before) rows.delete(change.before.id);
    }
    return [...rows.values()];
  }

  *lock<T extends keyof Tables>(table: T, id: string): Task<Tables[T] | undefined> {
    yield* this.#acquire(`${String(table)}:${id}`, false);
    return this.get(table, id);
  }

  *share<T extends keyof Tables>(table: T, id: string): Task<Tables[T] | undefined> {
    yield* this.#acquire(`${String(table)}:${id}`, true);
    return this.get(table, id);
  }

  /** False when another transaction has the row. */
  tryLock(table: keyof Tables, id: string): boolean {
    const key = `${String(table)}:${id}`;
    const lock = this.#lock(key);
    if (!this.mayTake(lock, false)) return false;
    this.take(key, lock, false);
    return true;
  }

  /** The caller holds the row's lock, or the row is new. */
  put<T extends keyof Tables>(table: T, row: Tables[T]): void {
    const key = `${String(table)}:${row.id}`;
    const before = this.#writes.get(key)?.before ?? this.store.get(table, row.id);
    this.#writes.set(key, { table, before, after: row });
  }

  drop<T extends keyof Tables>(table: T, id: string): void {
    const before = this.store.get(table, id);
    this.#writes.set(`${String(table)}:${id}`, { table, before, after: undefined });
  }

  commit(): void {
    try {
      if (this.#writes.size > 0) this.store.apply([...this.#writes.values()], this);
    } finally {
      this.rollback();
    }
  }

  rollback(): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const key of this.#held) {
      const lock = this.store.locks.get(key);
      if (!lock) continue;
      if (lock.exclusive === this) lock.exclusive = undefined;
      lock.shared.delete(this);
      this.#pass(key, lock);
    }
    this.#held.clear();
    if (this.waitsFor) {
      const index = this.waitsFor.queue.findIndex(({ by }) => by === this);
      if (index >= 0) this.waitsFor.queue.splice(index, 1);
    }
  }

  *#acquire(key: string, share: boolean): Task {
    yield this.store.statement();
    const lock = this.#lock(key);
    if (this.mayTake(lock, share)) return this.take(key, lock, share);
    this.waitsFor = lock;
    if (this.#closesCircle(lock, new Set())) {
      this.waitsFor = undefined;
      throw new DeadlockError(`deadlock over ${key}`);
    }
    const granted = new Signal();
    lock.queue.push({ by: this, share, granted });
    yield granted as Signal<unknown>;
    this.waitsFor = undefined;
  }

  #lock(key: string): Lock {
    let lock = this.store.locks.get(key);
    if (!lock) this.store.locks.set(key, (lock = { exclusive: undefined, shared: new Set(), queue: [] }));
    return lock;
  }

  mayTake({ exclusive, shared }: Lock, share: boolean): boolean {
    if (exclusive !== undefined) return exclusive === this;
    return share || shared.size === 0 || (shared.size === 1 && shared.has(this));
  }

  take(key: string, lock: Lock, share: boolean): void {
    if (share && lock.exclusive === undefined) lock.shared.add(this);
    else lock.exclusive = this;
    this.#held.add(key);
  }

  #pass(key: string, lock: Lock): void {
    while (lock.queue.length > 0) {
      const { by, share, granted } = lock.queue[0]!;
      if (!by.mayTake(lock, share)) return;
      lock.queue.shift();
      by.take(key, lock, share);
      granted.give();
    }
    if (lock.exclusive === undefined && lock.shared.size === 0) this.store.locks.delete(key);
  }

  #closesCircle(lock: Lock, seen: Set<Lock>): boolean {
    if (seen.has(lock)) return false;
    seen.add(lock);
    const holders = [...(lock.exclusive ? [lock.exclusive] : []), ...lock.shared];
    return holders.some(
      (holder) =>
        holder !== this &&
        holder.waitsFor !== undefined &&
        (holder.waitsFor.exclusive === this ||
          holder.waitsFor.shared.has(this) ||
          this.#closesCircle(holder.waitsFor, seen)),
    );
  }
}
