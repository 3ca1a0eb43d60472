import { TIMED_OUT, Signal, type Kernel, type Process, type Task } from '../kernel/kernel.ts';
import type { Random } from '../kernel/random.ts';
import { DeadlockError, Transaction, UniqueViolation, type Store } from '../kernel/store.ts';
import type { Messages, Tables, Topic } from './tables.ts';
import type { Wiring } from './wiring.ts';

export type Unit = Transaction<Tables>;
const MAX_TRIES = 5;
const NEVER = new Signal();

/** The queue that carries "look at pool P"; it may lose, double and delay. */
export interface WakeQueue {
  add(poolId: string): void;
}

/** Hints between replicas; they may be lost. */
export interface Notifications {
  notify(replicaId: string, pollId: string): void;
}

/** What every replica works on. */
export interface Installation {
  readonly kernel: Kernel;
  readonly random: Random;
  readonly store: Store<Tables>;
  readonly wiring: Wiring;
  readonly queue: WakeQueue;
  readonly notifications: Notifications;
  newId(prefix: string): string;
}

/** One server process: transactions as `platform/db/transactions.ts` runs them, and a death before or after one of its commits. */
export class Replica {
  readonly process: Process;
  readonly at: Installation;
  /** A restarted process is another replica. */
  id = '';
  /** Its own clock runs off by this many milliseconds; leases never depend on it. */
  skew = 0;
  /** Failpoint: die at a coming commit. */
  dieAt: { commits: number; readonly when: 'before' | 'after' } | undefined;
  readonly waiting = new Map<string, Signal>();
  relayWake = new Signal();
  readonly carrying = new Set<string>();
  /** Deployments that this process drives: none twice, for two drives would hold the same claim. */
  readonly driving = new Set<string>();
  suspiciousSince: number | undefined;

  constructor(process: Process, at: Installation) {
    this.process = process;
    this.at = at;
  }

  get now(): string {
    return instant(this.at.kernel.now + this.skew);
  }

  /** Deadlocks are tried again from the start (F37); `orNothing` also what another transaction inserted first (`on conflict`). */
  *transaction<T>(work: (unit: Unit) => Task<T>, cause?: unknown, orNothing = false): Task<T> {
    for (let attempt = 1; ; attempt += 1) {
      const unit = new Transaction<Tables>(this.at.store, this.process, cause);
      try {
        const result = yield* work(unit);
        yield this.at.store.statement();
        yield* this.#failpoint('before');
        unit.commit();
        yield* this.#failpoint('after');
        return result;
      } catch (error) {
        const again = error instanceof DeadlockError || (orNothing && error instanceof UniqueViolation);
        if (!again || attempt >= MAX_TRIES) throw error;
      } finally {
        unit.rollback();
      }
    }
  }

  send<T extends Topic>(unit: Unit, topic: T, payload: Messages[T]): void {
    const id = this.at.newId('message');
    unit.put('outbox', { id, topic, payload, availableAt: this.at.kernel.now, tries: 0 });
    // A wake-up before the commit finds nothing and the sweep does: the row is the truth.
    this.at.kernel.at(this.at.kernel.now + 20, () => this.relayWake.give());
  }

  audit(unit: Unit, actor: string, action: string, subject: string): void {
    unit.put('audit', { id: this.at.newId('audit'), actor, action, subject });
  }

  *#failpoint(when: 'before' | 'after'): Task {
    const { dieAt } = this;
    if (dieAt?.when !== when) return;
    dieAt.commits -= 1;
    if (dieAt.commits > 0) return;
    this.dieAt = undefined;
    this.at.kernel.at(this.at.kernel.now, () => this.at.kernel.kill(this.process));
    yield NEVER as Signal<unknown>;
  }
}

const EPOCH = Date.UTC(2026, 0, 1);

let last: readonly [number, string] = [-1, ''];

export function instant(ms: number): string {
  if (last[0] !== ms) last = [ms, new Date(EPOCH + ms).toISOString()];
  return last[1];
}

export function fromInstant(text: string): number {
  return Date.parse(text) - EPOCH;
}

/** A call that is refused on purpose: the caller is told and need not try again. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly code: string;
  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

export { TIMED_OUT };
