import { Injectable } from '@nestjs/common';
import { Kysely } from 'kysely';
import type { z } from 'zod';
import type { auditEntry } from '@sluice/protocol';
import type { Tables } from '../../platform/db/schema.ts';
import { Problem } from '../../platform/http/problem.ts';
import { requireSystemAdmin, requireTeam, type UserPrincipal } from '../../platform/http/principal.ts';

type Page = { items: z.infer<typeof auditEntry>[]; next: string | null };
type PageInput = { cursor?: string | undefined; limit?: number | undefined };
const DEFAULT_LIMIT = 50;

@Injectable()
export class ListAudit {
  readonly #db: Kysely<Tables>;
  constructor(db: Kysely<Tables>) {
    this.#db = db;
  }

  /** Newest first; the cursor is the sequence of the last entry seen. */
  async list(by: UserPrincipal, input: PageInput & { team: string }): Promise<Page> {
    const { teamId } = requireTeam(by, input.team, 'viewer');
    return this.#page(teamId, input.team, input);
  }

  /** What belongs to no team: people, sessions, shared pools, the chain itself. */
  async installation(by: UserPrincipal, input: PageInput): Promise<Page> {
    requireSystemAdmin(by);
    return this.#page(null, null, input);
  }

  async #page(teamId: string | null, team: string | null, { cursor, limit = DEFAULT_LIMIT }: PageInput): Promise<Page> {
    if (cursor !== undefined && !/^\d{1,15}$/.test(cursor)) {
      throw new Problem(400, 'bad-cursor', 'cursor: take it from `next` of the page before.');
    }
    let query = this.#db.selectFrom('audit_entries').selectAll();
    query = teamId === null ? query.where('team_id', 'is', null) : query.where('team_id', '=', teamId);
    if (cursor !== undefined) query = query.where('sequence', '<', Number(cursor));
    const rows = await query
      .orderBy('sequence', 'desc')
      .limit(limit + 1)
      .execute();
    const items = rows.slice(0, limit).map((row) => ({
      sequence: row.sequence,
      at: row.at.toISOString(),
      team,
      actor: row.actor.name,
      action: row.action,
      subject: row.subject,
      detail: row.detail,
    }));
    return { items, next: rows.length > limit ? String(items.at(-1)!.sequence) : null };
  }
}
