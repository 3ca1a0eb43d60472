import { Injectable } from '@nestjs/common';
import type { Actor } from '@sluice/engine';
import type { ShellOrder } from '@sluice/protocol';
import { sql } from 'kysely';
import { json } from '../../platform/db/database.ts';
import type { Row } from '../../platform/db/schema.ts';
import type { Unit } from '../../platform/db/transactions.ts';
import { Outbox } from '../../platform/outbox/outbox.ts';
import { Audit } from '../audit/index.ts';
import { LiveNotifier } from '../live/index.ts';
import { ShellSignals } from './shell-signals.ts';

export type KeptRow = Row<'kept_jobs'> & { readonly is_over: boolean };
export type ShellRow = Row<'debug_shells'>;

export const SLUICE: Actor = { kind: 'system', name: 'sluice' };

/** The rows of kept containers and their shells. A kept container is locked before anything of it changes, so its parts change in one order. */
@Injectable()
export class KeptJobRows {
  readonly #audit: Audit;
  readonly #outbox: Outbox;
  readonly #live: LiveNotifier;
  readonly #signals: ShellSignals;
  constructor(audit: Audit, outbox: Outbox, live: LiveNotifier, signals: ShellSignals) {
    this.#audit = audit;
    this.#outbox = outbox;
    this.#live = live;
    this.#signals = signals;
  }

  /** Over by its time also where nobody has written it down yet. */
  async lock({ tx }: Unit, attemptId: string): Promise<KeptRow | undefined> {
    return tx
      .selectFrom('kept_jobs')
      .selectAll()
      .select(sql<boolean>`ended_at is not null or until <= clock_timestamp()`.as('is_over'))
      .where('attempt_id', '=', attemptId)
      .forUpdate()
      .executeTakeFirst();
  }

  async order(unit: Unit, kept: KeptRow, shellId: string, order: ShellOrder['order']): Promise<void> {
    const { last_sequence: sequence } = await unit.tx
      .updateTable('kept_jobs')
      .set({ last_sequence: sql<number>`last_sequence + 1` })
      .where('attempt_id', '=', kept.attempt_id)
      .returning('last_sequence')
      .executeTakeFirstOrThrow();
    await unit.tx
      .insertInto('shell_orders')
      .values({ attempt_id: kept.attempt_id, sequence, shell_id: shellId, shell_order: json(order) })
      .execute();
    unit.afterCommit(() => this.#signals.ordered(kept.attempt_id));
  }

  /** Comes to nothing when it is closed already. The runner is told by an order, unless it told us. */
  async closeShell(
    unit: Unit,
    kept: KeptRow,
    shell: ShellRow,
    { why, by, tellRunner }: { readonly why: string; readonly by: Actor; readonly tellRunner: boolean },
  ): Promise<void> {
    const closed = await unit.tx
      .updateTable('debug_shells')
      .set({ closed_at: sql<Date>`clock_timestamp()`, closed_why: why })
      .where('id', '=', shell.id)
      .where('closed_at', 'is', null)
      .returning('id')
      .executeTakeFirst();
    if (!closed) return;
    if (tellRunner) await this.order(unit, kept, shell.id, { kind: 'close' });
    await this.changed(unit, kept);
    unit.afterCommit(() => this.shellSaid(shell.id));
    await this.#audit.record(unit, {
      teamId: kept.team_id,
      actor: by,
      action: 'debug.close',
      subject: `attempt:${kept.attempt_id}`,
      detail: { shell: shell.id, openedBy: shell.opened_by_actor.name, why },
    });
  }

  /** Comes to nothing when it has ended already. What went to and fro in its shells is not kept. */
  async end(unit: Unit, kept: KeptRow, why: string, by: Actor): Promise<void> {
    if (kept.ended_at !== null) return;
    await unit.tx
      .updateTable('kept_jobs')
      .set({ ended_at: sql<Date>`clock_timestamp()`, ended_why: why })
      .where('attempt_id', '=', kept.attempt_id)
      .execute();
    const shells = await unit.tx
      .selectFrom('debug_shells')
      .selectAll()
      .where('attempt_id', '=', kept.attempt_id)
      .execute();
    for (const shell of shells) await this.closeShell(unit, kept, shell, { why, by, tellRunner: false });
    await unit.tx.deleteFrom('shell_orders').where('attempt_id', '=', kept.attempt_id).execute();
    if (shells.length > 0) {
      const ids = shells.map(({ id }) => id);
      await unit.tx.deleteFrom('shell_output').where('shell_id', 'in', ids).execute();
    }
    await this.changed(unit, kept);
    unit.afterCommit(() => this.#signals.ordered(kept.attempt_id));
    await this.#audit.record(unit, {
      teamId: kept.team_id,
      actor: by,
      action: 'debug.end',
      subject: `attempt:${kept.attempt_id}`,
      detail: { run: kept.run_id, why },
    });
  }

  /** Pages of the run read anew. */
  async changed(unit: Unit, { run_id: runId }: Pick<KeptRow, 'run_id'>): Promise<void> {
    await this.#outbox.add(unit, 'changed', { topics: [`run:${runId}`] });
  }

  /** After the commit; a lost hint does no harm, since pages also look by themselves. */
  shellSaid(shellId: string): void {
    this.#live.changed([`shell:${shellId}`]).catch(() => undefined);
  }
}
