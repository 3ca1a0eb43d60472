import { Injectable } from '@nestjs/common';
import { Kysely } from 'kysely';
import type { Tables } from '../../platform/db/schema.ts';

export interface KnownService {
  readonly id: string;
  readonly teamId: string;
  readonly slug: string;
  readonly path: string;
  readonly repositoryId: string;
}

/** Services by id, for work that no person asked for. */
@Injectable()
export class PlannedServices {
  readonly #db: Kysely<Tables>;
  constructor(db: Kysely<Tables>) {
    this.#db = db;
  }

  async find(serviceId: string): Promise<KnownService | undefined> {
    return this.#db
      .selectFrom('services')
      .select(['id', 'team_id as teamId', 'slug', 'path', 'repository_id as repositoryId'])
      .where('id', '=', serviceId)
      .executeTakeFirst();
  }
}
