import { Injectable } from '@nestjs/common';
import { Kysely } from 'kysely';
import type { RepositoryKind } from '@sluice/protocol';
import type { Tables } from '../../platform/db/schema.ts';
import { hookPlace } from '../catalog/index.ts';
import { Sealer, UnsealError } from '../secrets/index.ts';

export interface OpenedHook {
  readonly id: string;
  readonly teamId: string;
  readonly repositoryId: string;
  readonly kind: RepositoryKind;
  /** null = none is set, or the server cannot open it: nothing may be accepted then (A04). */
  readonly secret: string | null;
  /** Slugs, at most two: enough to know whether there is one page to point to. */
  readonly services: readonly string[];
}

/** Hooks whose opened secret is kept; deriving a key costs more than the rest of a request. */
const KEPT_SECRETS = 1_000;
const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Finds a hook by the id in its address. The secret belongs to this id and to no other (A07). */
@Injectable()
export class OpenHook {
  readonly #db: Kysely<Tables>;
  readonly #sealer: Sealer;
  /** By hook; counts only while the row holds the very same sealed text, so a new secret counts at once. */
  readonly #opened = new Map<string, { readonly sealed: string; readonly secret: string | null }>();
  constructor(db: Kysely<Tables>, sealer: Sealer) {
    this.#db = db;
    this.#sealer = sealer;
  }

  async open(hookId: string): Promise<OpenedHook | undefined> {
    if (!ID.test(hookId)) return undefined;
    const rows = await this.#db
      .selectFrom('hooks')
      .innerJoin('repositories', 'repositories.id', 'hooks.repository_id')
      .leftJoin('services', 'services.repository_id', 'repositories.id')
      .select([
        'hooks.id',
        'hooks.team_id',
        'hooks.repository_id',
        'hooks.secret_sealed',
        'repositories.kind',
        'services.slug',
      ])
      .where('hooks.id', '=', hookId)
      .limit(2)
      .execute();
    const [row] = rows;
    if (!row) return undefined;
    return {
      id: row.id,
      teamId: row.team_id,
      repositoryId: row.repository_id,
      kind: row.kind,
      secret: this.#secret(row),
      services: rows.flatMap(({ slug }) => (slug === null ? [] : [slug])),
    };
  }

  #secret(row: { id: string; secret_sealed: string }): string | null {
    const known = this.#opened.get(row.id);
    if (known?.sealed === row.secret_sealed) return known.secret;
    const secret = this.#unseal(row);
    this.#opened.delete(row.id);
    if (this.#opened.size >= KEPT_SECRETS) this.#opened.delete(this.#opened.keys().next().value!);
    this.#opened.set(row.id, { sealed: row.secret_sealed, secret });
    return secret;
  }

  #unseal(row: { id: string; secret_sealed: string }): string | null {
    try {
      return this.#sealer.open(row.secret_sealed, hookPlace(row.id)) || null;
    } catch (error) {
      if (error instanceof UnsealError) return null;
      throw error;
    }
  }
}
