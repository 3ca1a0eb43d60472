import { Injectable } from '@nestjs/common';
import { Kysely } from 'kysely';
import type { Tables } from '../../platform/db/schema.ts';
import { requireTeam, type UserPrincipal } from '../../platform/http/principal.ts';

/** Names and scopes; values leave the database only for a trusted job or a deployment. */
@Injectable()
export class ListSecrets {
  readonly #db: Kysely<Tables>;
  constructor(db: Kysely<Tables>) {
    this.#db = db;
  }

  async list(by: UserPrincipal, team: string) {
    const { teamId } = requireTeam(by, team, 'viewer');
    const rows = await this.#db
      .selectFrom('secrets')
      .leftJoin('services', 'services.id', 'secrets.service_id')
      .leftJoin('environments', 'environments.id', 'secrets.environment_id')
      .select([
        'secrets.name',
        'services.slug as service',
        'environments.name as environment',
        'updated_by',
        'secrets.updated_at',
        'last_used_at',
      ])
      .where('secrets.team_id', '=', teamId)
      .orderBy('secrets.name')
      .orderBy('services.slug')
      .orderBy('environments.name')
      .execute();
    return rows.map((row) => ({
      name: row.name,
      service: row.service,
      environment: row.environment,
      updatedAt: row.updated_at.toISOString(),
      updatedBy: row.updated_by,
      lastUsedAt: row.last_used_at?.toISOString() ?? null,
    }));
  }
}
