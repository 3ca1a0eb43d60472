import { Inject, Injectable } from '@nestjs/common';
import { cacheKey, cacheScopes, type CacheKey, type CacheScopes } from '@sluice/engine';
import { Kysely, type Transaction } from 'kysely';
import type { Db } from '../../platform/db/database.ts';
import type { Tables } from '../../platform/db/schema.ts';
import { notFound } from '../../platform/http/problem.ts';
import { RunStates } from '../runs/index.ts';
import type { HeldAttempt } from './held-attempt.ts';

export interface AskedCache {
  /** Place of the cache in the definition of its job. */
  readonly index: number;
  readonly filesHash: string | null;
}

export interface CachePlace extends CacheKey {
  readonly scopes: CacheScopes;
}

/** Where a cache of an attempt lies. All but the hash of the files is what the server itself knows: plan, ref, trust, default branch (A65). */
@Injectable()
export class FindCachePlace {
  readonly #db: Db;
  readonly #states: RunStates;
  constructor(@Inject(Kysely) db: Db, states: RunStates) {
    this.#db = db;
    this.#states = states;
  }

  /** Throws 404 for a cache that the job does not declare. */
  async of(
    attempt: HeldAttempt,
    { index, filesHash }: AskedCache,
    db: Db | Transaction<Tables> = this.#db,
  ): Promise<CachePlace> {
    const job = await this.#states.readJob(db, attempt.run_id, attempt.job_key);
    const cache = job?.work.kind === 'steps' ? job.work.spec.cache?.[index] : undefined;
    if (!job || !cache || (cache.files.length === 0) !== (filesHash === null)) throw notFound('This cache');
    const origin = await db
      .selectFrom('runs')
      .innerJoin('services', 'services.id', 'runs.service_id')
      .innerJoin('repositories', 'repositories.id', 'services.repository_id')
      .select(['runs.trust', 'runs.ref', 'repositories.default_branch as defaultBranch'])
      .where('runs.id', '=', attempt.run_id)
      .executeTakeFirstOrThrow();
    return { ...cacheKey(job, cache, filesHash), scopes: cacheScopes(origin) };
  }
}
