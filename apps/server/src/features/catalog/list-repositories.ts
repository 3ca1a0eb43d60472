import { Injectable } from '@nestjs/common';
import { Kysely, sql } from 'kysely';
import type { Tables } from '../../platform/db/schema.ts';
import { requireTeam, type UserPrincipal } from '../../platform/http/principal.ts';
import { readRepositoryStatuses } from './read-statuses.ts';

@Injectable()
export class ListRepositories {
  readonly #db: Kysely<Tables>;
  constructor(db: Kysely<Tables>) {
    this.#db = db;
  }

  async list(by: UserPrincipal, team: string) {
    const { teamId } = requireTeam(by, team, 'viewer');
    const rows = await this.#db
      .selectFrom('repositories')
      .innerJoin('hooks', 'hooks.repository_id', 'repositories.id')
      .leftJoinLateral(
        (query) =>
          query
            .selectFrom('deliveries')
            .select(['received_at', 'status', 'outcome'])
            .whereRef('deliveries.hook_id', '=', 'hooks.id')
            .orderBy('received_at', 'desc')
            .limit(1)
            .as('last'),
        (join) => join.onTrue(),
      )
      .select([
        'repositories.id',
        'url',
        'kind',
        'default_branch',
        'hooks.id as hookId',
        'last.received_at',
        'last.status',
        'last.outcome',
        'statuses',
        (eb) => eb('statuses_token_sealed', 'is not', null).as('ownToken'),
        sql<string[]>`array(select slug from services where repository_id = repositories.id order by slug)`.as(
          'services',
        ),
      ])
      .where('repositories.team_id', '=', teamId)
      .orderBy('url')
      .execute();
    return Promise.all(
      rows.map(async (row) => ({
        id: row.id,
        team,
        url: row.url,
        kind: row.kind,
        defaultBranch: row.default_branch,
        hookPath: `/hooks/${row.hookId}`,
        services: row.services,
        lastDelivery:
          row.received_at === null
            ? null
            : {
                at: row.received_at.toISOString(),
                outcome: row.outcome?.message ?? row.status ?? 'received',
                failed: row.status === 'failed',
              },
        ...(await readRepositoryStatuses(this.#db, { ...row, ownToken: Boolean(row.ownToken) })),
      })),
    );
  }
}
