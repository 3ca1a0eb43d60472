import { randomBytes } from 'node:crypto';
import { startPostgres, startRedis, startS3, type Postgres, type S3Part } from '@sluice/testing';

export const MODES = ['standalone', 'distributed'] as const;
export type Mode = (typeof MODES)[number];

/** What a mode's servers are given. */
export interface Stores {
  readonly env: Readonly<Record<string, string>>;
  readonly replicas: number;
  readonly database?: Postgres;
  readonly redis?: Awaited<ReturnType<typeof startRedis>>;
  readonly s3?: S3Part;
  stop(): Promise<void>;
}

/** Standalone has everything inside; distributed gets Debian's PostgreSQL and Redis, and an S3 bucket for logs and artifacts. */
export async function startStores(mode: Mode): Promise<Stores> {
  if (mode === 'standalone') return { env: {}, replicas: 1, stop: async () => undefined };
  const [database, redis, s3] = await Promise.all([startPostgres(), startRedis(), startS3()]);
  return {
    replicas: 2,
    database,
    redis,
    s3,
    env: {
      DATABASE_URL: database.url,
      REDIS_URL: redis.url,
      ...s3.env,
      SLUICE_MASTER_KEY: randomBytes(32).toString('hex'),
    },
    stop: async () => {
      await Promise.all([database.stop(), redis.stop(), s3.stop()]);
    },
  };
}
