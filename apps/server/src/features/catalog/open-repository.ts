import { Injectable } from '@nestjs/common';
import { Kysely } from 'kysely';
import type { Tables } from '../../platform/db/schema.ts';
import type { MirrorRepository } from '../../platform/forge/git-mirror.port.ts';
import { notFound } from '../../platform/http/problem.ts';
import { Sealer } from '../secrets/index.ts';

/** A repository with its credential opened: for the mirror and for the checkout of a live lease, nothing else. */
@Injectable()
export class OpenRepository {
  readonly #db: Kysely<Tables>;
  readonly #sealer: Sealer;
  constructor(db: Kysely<Tables>, sealer: Sealer) {
    this.#db = db;
    this.#sealer = sealer;
  }

  async open(repositoryId: string): Promise<MirrorRepository> {
    const row = await this.#db
      .selectFrom('repositories')
      .select(['id', 'url', 'credential_sealed'])
      .where('id', '=', repositoryId)
      .executeTakeFirst();
    if (!row) throw notFound(`Repository ${repositoryId}`);
    if (row.credential_sealed === null) return { id: row.id, url: row.url, credential: null };
    const credential = JSON.parse(this.#sealer.open(row.credential_sealed, repositoryPlace(row.id))) as {
      username: string;
      password: string;
    };
    return { id: row.id, url: row.url, credential };
  }
}

/** What a sealed credential is bound to. */
export function repositoryPlace(repositoryId: string): string {
  return `repository:${repositoryId}`;
}

/** What a sealed hook secret is bound to. */
export function hookPlace(hookId: string): string {
  return `hook:${hookId}`;
}
