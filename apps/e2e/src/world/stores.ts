import { randomBytes } from 'node:crypto';
import { startPostgres, startRedis, type Postgres } from '@sluice/testing';

export const MODES = ['standalone', 'distributed'] as const;
export type Mode = (typeof MODES)[number];

/** What a mode's servers are given. */
export interface Stores {
  readonly env: Readonly<Record<string, string>>;
  readonly replicas: number;
  readonly database?: Postgres;
  readonly redis?: Awaited<ReturnType<typeof startRedis>>;
  stop(): Promise<void>;
}

/** Standalone has everything inside; distributed gets Debian's PostgreSQL and Redis, and one blob folder for all replicas. */
export async function startStores(mode: Mode, blobFolder: string): Promise<Stores> {
  if (mode === 'standalone') return { env: {}, replicas: 1, stop: async () => undefined };
  const [database, redis] = await Promise.all([startPostgres(), startRedis()]);
  return {
    replicas: 2,
    database,
    redis,
    env: {
      DATABASE_URL: database.url,
      REDIS_URL: redis.url,
      SLUICE_BLOB_URL: blobFolder,
      SLUICE_MASTER_KEY: randomBytes(32).toString('hex'),
    },
    stop: async () => {
      await Promise.all([database.stop(), redis.stop()]);
    },
  };
}
