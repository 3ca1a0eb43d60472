import { setTimeout as pause } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import type { ShellOrder } from '@sluice/protocol';
import { Kysely, sql } from 'kysely';
import { Clock } from '../../platform/clock/clock.port.ts';
import type { Db } from '../../platform/db/database.ts';
import { Transactions } from '../../platform/db/transactions.ts';
import { failpoint } from '../../platform/failpoints/failpoints.ts';
import type { RunnerPrincipal } from '../../platform/http/principal.ts';
import { invalid, Stopping } from '../../platform/http/problem.ts';
import { leaseLost } from '../logs/index.ts';
import { DebugSettings } from './debug-settings.ts';
import type { OfLease } from './keep-job.ts';
import { KeptJobRows } from './kept-job-rows.ts';
import { ShellSignals } from './shell-signals.ts';

/** A hint may be lost: so long is waited for one before the next look. */
const LOOK_MS = 2_000;
const MOST_AT_ONCE = 50;

export interface Orders {
  readonly over: boolean;
  readonly orders: ShellOrder[];
}

/** Between people and the runner that keeps a container: orders go there, output comes back. */
@Injectable()
export class CarryOrders {
  readonly #db: Db;
  readonly #transactions: Transactions;
  readonly #clock: Clock;
  readonly #rows: KeptJobRows;
  readonly #signals: ShellSignals;
  readonly #settings: DebugSettings;
  readonly #stopped = new AbortController();
  constructor(
    @Inject(Kysely) db: Db,
    transactions: Transactions,
    @Inject(Clock) clock: Clock,
    rows: KeptJobRows,
    signals: ShellSignals,
    settings: DebugSettings,
  ) {
    this.#db = db;
    this.#transactions = transactions;
    this.#clock = clock;
    this.#rows = rows;
    this.#signals = signals;
    this.#settings = settings;
  }

  stop(): void {
    this.#stopped.abort();
    this.#signals.wakeAll();
  }

  /** Waits until there are some, the keeping is over, or the time has passed. */
  async wait(
    runner: RunnerPrincipal,
    lease: OfLease,
    { after, waitSeconds, gone }: { readonly after: number; readonly waitSeconds: number; readonly gone: AbortSignal },
  ): Promise<Orders> {
    const deadline = this.#clock.now().getTime() + waitSeconds * 1_000;
    const unheard = AbortSignal.any([gone, this.#stopped.signal]);
    for (;;) {
      if (this.#stopped.signal.aborted) throw new Stopping();
      const waiting = this.#signals.wait(lease.attemptId);
      const nap = new AbortController();
      try {
        const found = await this.#look(runner, lease, after);
        const left = deadline - this.#clock.now().getTime();
        if (found.over || found.orders.length > 0 || left <= 0 || gone.aborted) return found;
        const woken = AbortSignal.any([unheard, nap.signal]);
        const napping = pause(Math.min(left, LOOK_MS), undefined, { signal: woken }).catch(() => undefined);
        await Promise.race([waiting.signalled, napping]);
      } finally {
        nap.abort();
        waiting.end();
      }
    }
  }

  async #look({ runnerId }: RunnerPrincipal, { attemptId, epoch }: OfLease, after: number): Promise<Orders> {
    const { rows } = await sql<{ over: boolean }>`
      update kept_jobs set heard_at = clock_timestamp()
      where attempt_id = ${attemptId} and runner_id = ${runnerId} and epoch = ${epoch}
      returning ended_at is not null or until <= clock_timestamp() as over`.execute(this.#db);
    if (!rows[0]) throw leaseLost();
    if (rows[0].over) return { over: true, orders: [] };
    await this.#db
      .deleteFrom('shell_orders')
      .where('attempt_id', '=', attemptId)
      .where('sequence', '<=', after)
      .execute();
    if (after > 0) await failpoint('take-orders:after-confirm');
    const orders = await this.#db
      .selectFrom('shell_orders')
      .select(['sequence', 'shell_id', 'shell_order'])
      .where('attempt_id', '=', attemptId)
      .where('sequence', '>', after)
      .orderBy('sequence')
      .limit(MOST_AT_ONCE)
      .execute();
    if (orders.length > 0) await failpoint('take-orders:before-answer');
    return {
      over: false,
      orders: orders.map(({ sequence, shell_id: shellId, shell_order: order }) => ({ sequence, shellId, order })),
    };
  }

  /**
   * Bytes at an offset; what is there already is welcome again. False: nobody has read what came before, so the shell has to wait.
   * What comes after a shell was closed is dropped.
   */
  async output(
    runner: RunnerPrincipal,
    { attemptId, epoch }: OfLease,
    { shellId, offset, data, closed }: { shellId: string; offset: number; data: string; closed?: string | undefined },
  ): Promise<boolean> {
    const bytes = Buffer.from(data, 'base64');
    const taken = await this.#transactions.run(async (unit) => {
      const kept = await this.#rows.lock(unit, attemptId);
      if (kept?.runner_id !== runner.runnerId || kept.epoch !== epoch) throw leaseLost();
      const shell = await unit.tx
        .selectFrom('debug_shells')
        .selectAll()
        .where('id', '=', shellId)
        .where('attempt_id', '=', attemptId)
        .executeTakeFirst();
      if (!shell || shell.closed_at !== null || kept.is_over) return true;
      if (offset > shell.output_length)
        throw invalid(`The shell has said ${shell.output_length} bytes so far; go on from there.`, 'output-gap');
      const fresh = bytes.subarray(shell.output_length - offset);
      const length = shell.output_length + fresh.length;
      if (fresh.length > 0) {
        if (shell.output_length - shell.read_to >= this.#settings.unreadBytes) return false;
        await unit.tx
          .insertInto('shell_output')
          .values({ shell_id: shellId, start_offset: shell.output_length, bytes: fresh })
          .execute();
        await unit.tx.updateTable('debug_shells').set({ output_length: length }).where('id', '=', shellId).execute();
        const keptFrom = Math.min(shell.read_to, length - this.#settings.unreadBytes);
        await sql`delete from shell_output where shell_id = ${shellId}
          and start_offset + length(bytes) <= ${keptFrom}`.execute(unit.tx);
        unit.afterCommit(() => this.#rows.shellSaid(shellId));
      }
      if (closed !== undefined) {
        const by = { kind: 'system', name: `runner ${runner.runnerId}` } as const;
        await this.#rows.closeShell(unit, kept, shell, { why: closed, by, tellRunner: false });
      }
      await failpoint('shell-output:before-commit');
      return true;
    });
    await failpoint('shell-output:after-commit');
    return taken;
  }
}
