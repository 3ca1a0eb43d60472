import { Inject, Injectable } from '@nestjs/common';
import { SHELLS_MOST, type ShellOrder } from '@sluice/protocol';
import { Kysely, sql } from 'kysely';
import { Ids } from '../../platform/clock/clock.port.ts';
import { json, type Db } from '../../platform/db/database.ts';
import { Transactions, type Unit } from '../../platform/db/transactions.ts';
import { failpoint } from '../../platform/failpoints/failpoints.ts';
import { actorOf, requireRole, type UserPrincipal } from '../../platform/http/principal.ts';
import { conflict, forbidden, invalid, notFound, Problem } from '../../platform/http/problem.ts';
import { Audit } from '../audit/index.ts';
import { DebugSettings } from './debug-settings.ts';
import { KeptJobRows, type KeptRow, type ShellRow } from './kept-job-rows.ts';

/** Most bytes of output in one answer. */
const READ_BYTES = 64 * 1024;

export interface ShellSaid {
  readonly from: number;
  readonly data: string;
  readonly length: number;
  readonly closedAt: string | null;
  readonly closed: string | null;
}
interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** What people do with kept containers. Rights are asked at every call: who left the team types no further letter. */
@Injectable()
export class UseShell {
  readonly #db: Db;
  readonly #transactions: Transactions;
  readonly #ids: Ids;
  readonly #rows: KeptJobRows;
  readonly #audit: Audit;
  readonly #settings: DebugSettings;
  constructor(
    @Inject(Kysely) db: Db,
    transactions: Transactions,
    @Inject(Ids) ids: Ids,
    rows: KeptJobRows,
    audit: Audit,
    settings: DebugSettings,
  ) {
    this.#db = db;
    this.#transactions = transactions;
    this.#ids = ids;
    this.#rows = rows;
    this.#audit = audit;
    this.#settings = settings;
  }

  async endKept(by: UserPrincipal, attemptId: string): Promise<void> {
    await this.#transactions.run(async (unit) => {
      const kept = await this.#lock(unit, by, attemptId);
      await this.#rows.end(unit, kept, `${by.name} ended it.`, actorOf(by));
      await failpoint('end-kept:before-commit');
    });
    await failpoint('end-kept:after-commit');
  }

  async open(by: UserPrincipal, attemptId: string, { columns, rows }: TerminalSize): Promise<string> {
    const opened = await this.#transactions.run(async (unit) => {
      const kept = await this.#lock(unit, by, attemptId);
      if (kept.is_over)
        throw conflict('not-kept', 'This container is not kept any more; run the job again and keep it once more.');
      const { open } = await unit.tx
        .selectFrom('debug_shells')
        .select(({ fn }) => fn.countAll<number>().as('open'))
        .where('attempt_id', '=', attemptId)
        .where('closed_at', 'is', null)
        .executeTakeFirstOrThrow();
      if (Number(open) >= SHELLS_MOST)
        throw conflict('too-many-shells', `${SHELLS_MOST} shells are open in this container; close one of them first.`);
      const shellId = this.#ids.next();
      await unit.tx
        .insertInto('debug_shells')
        .values({
          id: shellId,
          attempt_id: attemptId,
          team_id: kept.team_id,
          opened_by: by.userId,
          opened_by_actor: json(actorOf(by)),
        })
        .execute();
      await this.#rows.order(unit, kept, shellId, { kind: 'open', columns, rows });
      await this.#rows.changed(unit, kept);
      await this.#audit.record(unit, {
        teamId: kept.team_id,
        actor: actorOf(by),
        action: 'debug.open',
        subject: `attempt:${attemptId}`,
        detail: { run: kept.run_id, shell: shellId },
      });
      await failpoint('open-shell:before-commit');
      return shellId;
    });
    await failpoint('open-shell:after-commit');
    return opened;
  }

  async write(by: UserPrincipal, shellId: string, text: string): Promise<void> {
    await this.#order(by, shellId, { kind: 'write', text });
  }

  async resize(by: UserPrincipal, shellId: string, { columns, rows }: TerminalSize): Promise<void> {
    await this.#order(by, shellId, { kind: 'resize', columns, rows });
  }

  /** Also that of another person: whoever may end the container may close what is open in it. */
  async close(by: UserPrincipal, shellId: string): Promise<void> {
    await this.#transactions.run(async (unit) => {
      const { kept, shell } = await this.#lockShell(unit, by, shellId);
      const why = `${by.name} closed it.`;
      await this.#rows.closeShell(unit, kept, shell, { why, by: actorOf(by), tellRunner: !kept.is_over });
      await failpoint('close-shell:before-commit');
    });
    await failpoint('close-shell:after-commit');
  }

  async read(by: UserPrincipal, shellId: string, from: number): Promise<ShellSaid> {
    const shell = await this.#db.selectFrom('debug_shells').selectAll().where('id', '=', shellId).executeTakeFirst();
    if (!shell) throw notFound('This shell');
    requireOpener(by, shell);
    if (from > shell.output_length)
      throw invalid(`The shell has said ${shell.output_length} bytes so far; read from there.`, 'range');
    if (from > shell.read_to) {
      await this.#db
        .updateTable('debug_shells')
        .set({ read_to: sql<number>`greatest(read_to, ${from}::bigint)` })
        .where('id', '=', shellId)
        .execute();
    }
    const chunks = await this.#db
      .selectFrom('shell_output')
      .select(['start_offset', 'bytes'])
      .where('shell_id', '=', shellId)
      .where(sql<boolean>`start_offset + length(bytes) > ${from}`)
      .orderBy('start_offset')
      .limit(32)
      .execute();
    const begin = Math.max(from, chunks[0]?.start_offset ?? shell.output_length);
    const parts: Buffer[] = [];
    let length = 0;
    for (const { start_offset: start, bytes } of chunks) {
      if (length >= READ_BYTES) break;
      const part = bytes.subarray(Math.max(0, begin - start));
      parts.push(part);
      length += part.length;
    }
    return {
      from: begin,
      data: Buffer.concat(parts).toString('base64'),
      length: Math.max(shell.output_length, begin + length),
      closedAt: shell.closed_at?.toISOString() ?? null,
      closed: shell.closed_why,
    };
  }

  async #order(by: UserPrincipal, shellId: string, order: ShellOrder['order']): Promise<void> {
    await this.#transactions.run(async (unit) => {
      const { kept, shell } = await this.#lockShell(unit, by, shellId);
      requireOpener(by, shell);
      if (shell.closed_at !== null || kept.is_over)
        throw conflict(
          'shell-closed',
          `This shell is closed: ${shell.closed_why ?? kept.ended_why ?? 'its time is over.'}`,
        );
      const { waiting } = await unit.tx
        .selectFrom('shell_orders')
        .select(({ fn }) => fn.countAll<number>().as('waiting'))
        .where('attempt_id', '=', kept.attempt_id)
        .executeTakeFirstOrThrow();
      if (Number(waiting) >= this.#settings.mostOrders)
        throw new Problem(429, 'shell-behind', 'The shell has not taken what was typed before; wait a moment.', {
          retryAfterSeconds: 1,
        });
      await this.#rows.order(unit, kept, shellId, order);
      await unit.tx
        .updateTable('debug_shells')
        .set({ used_at: sql<Date>`clock_timestamp()` })
        .where('id', '=', shellId)
        .execute();
      await failpoint('order-shell:before-commit');
    });
    await failpoint('order-shell:after-commit');
  }

  async #lock(unit: Unit, by: UserPrincipal, attemptId: string): Promise<KeptRow> {
    const kept = await this.#rows.lock(unit, attemptId);
    if (!kept) throw notFound('This kept container');
    requireRole(by, kept.team_id, 'developer', 'This kept container');
    return kept;
  }

  async #lockShell(unit: Unit, by: UserPrincipal, shellId: string): Promise<{ kept: KeptRow; shell: ShellRow }> {
    const found = await unit.tx
      .selectFrom('debug_shells')
      .select(['attempt_id', 'team_id'])
      .where('id', '=', shellId)
      .executeTakeFirst();
    if (!found) throw notFound('This shell');
    requireRole(by, found.team_id, 'developer', 'This shell');
    const kept = await this.#lock(unit, by, found.attempt_id);
    const shell = await unit.tx
      .selectFrom('debug_shells')
      .selectAll()
      .where('id', '=', shellId)
      .executeTakeFirstOrThrow();
    return { kept, shell };
  }
}

/** A shell is its opener's alone: nobody looks over a shoulder, and what is typed has one name in the audit trail. */
function requireOpener(by: UserPrincipal, shell: ShellRow): void {
  requireRole(by, shell.team_id, 'developer', 'This shell');
  if (shell.opened_by !== by.userId)
    throw forbidden('not-your-shell', `${shell.opened_by_actor.name} opened this shell; open one of your own.`);
}
