import { Injectable } from '@nestjs/common';
import { Kysely, sql } from 'kysely';
import type { Tables } from '../../platform/db/schema.ts';
import { Sealer } from './sealer.ts';
import { secretPlace } from './secret-place.ts';

export interface SecretScope {
  readonly teamId: string;
  readonly serviceId: string;
  /** null for jobs: they never see what belongs to an environment. */
  readonly environmentId: string | null;
  readonly names: readonly string[];
}

export interface OpenedSecrets {
  readonly values: { readonly name: string; readonly value: string }[];
  readonly missing: string[];
}

/**
 * Opens the declared secrets, and only those. The most specific scope wins:
 * environment and service, environment, service, team. The caller has made sure that the run is trusted (A45).
 */
@Injectable()
export class ReadSecrets {
  readonly #db: Kysely<Tables>;
  readonly #sealer: Sealer;
  constructor(db: Kysely<Tables>, sealer: Sealer) {
    this.#db = db;
    this.#sealer = sealer;
  }

  async read(scope: SecretScope): Promise<OpenedSecrets> {
    if (scope.names.length === 0) return { values: [], missing: [] };
    const rows = await this.#db
      .selectFrom('secrets')
      .select(['id', 'name', 'service_id', 'environment_id', 'value_sealed'])
      .where('team_id', '=', scope.teamId)
      .where('name', 'in', [...scope.names])
      .where((where) => where.or([where('service_id', 'is', null), where('service_id', '=', scope.serviceId)]))
      .where((where) =>
        scope.environmentId === null
          ? where('environment_id', 'is', null)
          : where.or([where('environment_id', 'is', null), where('environment_id', '=', scope.environmentId)]),
      )
      .execute();
    const weight = (row: (typeof rows)[number]) => (row.environment_id ? 2 : 0) + (row.service_id ? 1 : 0);
    const best = new Map<string, (typeof rows)[number]>();
    for (const row of rows) {
      const known = best.get(row.name);
      if (!known || weight(row) > weight(known)) best.set(row.name, row);
    }
    const chosen = [...best.values()];
    if (chosen.length > 0) {
      const ids = chosen.map((row) => row.id);
      await this.#db
        .updateTable('secrets')
        .set({ last_used_at: sql<Date>`now()` })
        .where('id', 'in', ids)
        .execute();
    }
    return {
      values: chosen.map((row) => ({
        name: row.name,
        value: this.#sealer.open(row.value_sealed, secretPlace(row.id)),
      })),
      missing: scope.names.filter((name) => !best.has(name)),
    };
  }
}
