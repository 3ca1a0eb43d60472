import { Injectable } from '@nestjs/common';
import { Kysely } from 'kysely';
import type { Tables } from '../../platform/db/schema.ts';
import { GitMirror } from '../../platform/forge/git-mirror.port.ts';

const EVERY_MS = 3_600_000;

/** Removes mirrors of repositories that are connected no more. They lie on each server's own disk, so each does it for itself. */
@Injectable()
export class RemoveMirrors {
  readonly #db: Kysely<Tables>;
  readonly #mirror: GitMirror;
  #nextAt = 0;
  constructor(db: Kysely<Tables>, mirror: GitMirror) {
    this.#db = db;
    this.#mirror = mirror;
  }

  async remove(): Promise<void> {
    if (performance.now() < this.#nextAt) return;
    this.#nextAt = performance.now() + EVERY_MS;
    await this.#mirror.removeOthers(await this.#db.selectFrom('repositories').select(['id', 'url']).execute());
  }
}
