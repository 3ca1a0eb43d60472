import { createPostgresBackend, createRedisBackend, withBackend, type BackendClasses } from 'bullmq';
import { Redis, type RedisOptions } from 'ioredis';
import pg from 'pg';

/** BullMQ's classes bound to one store, and how producers and consumers connect to it. */
export interface WakeStore {
  // eslint-disable-next-line typescript/no-explicit-any -- the two backends' own types have nothing in common that we use
  readonly Queue: BackendClasses<any, any>['Queue'];
  // eslint-disable-next-line typescript/no-explicit-any
  readonly Worker: BackendClasses<any, any>['Worker'];
  readonly producer: unknown;
  readonly consumer: unknown;
  readonly options: { readonly prefix?: string };
  close(): Promise<void>;
}

/**
 * BullMQ sets connections up on clients that it has taken out of its pool, and nobody listens to those: one that breaks just then
 * would end the process (F35). Its caller hears of it by the query that fails.
 */
class SteadyClient extends pg.Client {
  constructor(config?: pg.ClientConfig) {
    super(config);
    this.on('error', () => undefined);
  }
}

/**
 * The default store: the product's own PostgreSQL, in a schema `bullmq` of its own whose tables BullMQ makes itself.
 * Connections are few: a producer takes two at most and a consumer three, whatever the load.
 */
export function postgresWakeStore(connectionString: string): WakeStore {
  const connection = {
    connectionString,
    schema: 'bullmq',
    migrate: true,
    max: 2,
    connectionTimeoutMillis: 5_000,
    Client: SteadyClient,
    application_name: 'sluice-queue',
  };
  return {
    ...withBackend(createPostgresBackend),
    producer: connection,
    consumer: connection,
    options: {},
    close: () => Promise.resolve(),
  };
}

export class UnfitRedisError extends Error {
  override readonly name = 'UnfitRedisError';
}

/** Redis, when REDIS_URL is set. Refuses one that may throw messages away to make room (F30); BullMQ would only warn. */
export async function redisWakeStore(url: string): Promise<WakeStore> {
  await refuseEvictingRedis(url);
  // A worker asks for ten seconds at most and a producer gives up after five: longer silence is a connection that is dead (F19).
  const shared: RedisOptions = { connectTimeout: 5_000, keepAlive: 10_000, socketTimeout: 20_000 };
  return {
    ...withBackend(createRedisBackend),
    // A producer fails fast; a worker waits for the store without end.
    producer: { url, ...shared, maxRetriesPerRequest: 1, commandTimeout: 5_000 },
    consumer: { url, ...shared, maxRetriesPerRequest: null },
    // The braces keep all keys of ours on one node of a cluster.
    options: { prefix: '{sluice}' },
    close: () => Promise.resolve(),
  };
}

async function refuseEvictingRedis(url: string): Promise<void> {
  const client = new Redis(url, {
    lazyConnect: true,
    maxRetriesPerRequest: 1,
    connectTimeout: 5_000,
    retryStrategy: () => null,
  });
  client.on('error', () => undefined);
  let memory: string;
  try {
    await client.connect();
    // INFO is allowed where managed services forbid CONFIG.
    memory = await client.info('memory');
  } catch (cause) {
    throw new UnfitRedisError(
      `The Redis of REDIS_URL cannot be reached (${(cause as Error).message}); start it, or unset REDIS_URL to queue on PostgreSQL.`,
      { cause },
    );
  } finally {
    client.disconnect();
  }
  const policy = /^maxmemory_policy:(\S+)/m.exec(memory)?.[1];
  if (policy !== 'noeviction') {
    throw new UnfitRedisError(
      `The Redis of REDIS_URL has maxmemory-policy "${policy ?? 'unknown'}" and may throw messages away; set "maxmemory-policy noeviction".`,
    );
  }
}
