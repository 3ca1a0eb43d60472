import { Injectable } from '@nestjs/common';
import { Kysely } from 'kysely';
import type { Tables } from '../../platform/db/schema.ts';
import type { UserPrincipal } from '../../platform/http/principal.ts';
import { Problem } from '../../platform/http/problem.ts';
import { currentStates } from './current-states.ts';
import { serviceInScope } from './service-scope.ts';
import { summariseRun, type RunSummary } from './summarise-run.ts';

const DEFAULT_PAGE = 50;

/** Runs of a service, newest first. The cursor is the number of the last run shown: stable while new runs arrive. */
@Injectable()
export class ListRuns {
  readonly #db: Kysely<Tables>;
  constructor(db: Kysely<Tables>) {
    this.#db = db;
  }

  async list(
    person: UserPrincipal,
    query: { service: string; cursor?: string | undefined; limit?: number | undefined },
  ): Promise<{ items: RunSummary[]; next: string | null }> {
    const service = await serviceInScope(this.#db, person, query.service);
    const limit = query.limit ?? DEFAULT_PAGE;
    const before = query.cursor === undefined ? undefined : readCursor(query.cursor);
    const rows = await this.#db
      .selectFrom('runs')
      .select(['id', 'number', 'version', 'state'])
      .where('service_id', '=', service.id)
      .$if(before !== undefined, (builder) => builder.where('number', '<', before!))
      .orderBy('number', 'desc')
      .limit(limit + 1)
      .execute();
    const page = rows.slice(0, limit);
    const states = await currentStates(this.#db, page);
    return {
      items: page.map((row) => summariseRun(states.get(row.id)!, { service: service.slug, team: service.team })),
      next: rows.length > limit ? String(page.at(-1)!.number) : null,
    };
  }
}

function readCursor(cursor: string): number {
  if (!/^[1-9]\d{0,8}$/.test(cursor)) {
    throw new Problem(400, 'bad-cursor', 'This cursor is not one of ours; start again without it.');
  }
  return Number(cursor);
}
