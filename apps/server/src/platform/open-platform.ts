import { Logger } from '@nestjs/common';
import type { BlobStore } from './blobs/blob-store.port.ts';
import { openBlobStore } from './blobs/open-blob-store.ts';
import { DatabaseClock } from './clock/database-clock.ts';
import { SystemClock } from './clock/system-clock.ts';
import type { Config } from './config/config.ts';
import { claimDataFolder, type DataFolderClaim } from './db/claim-data-folder.ts';
import { openDatabase, type Db } from './db/database.ts';
import { PgNotifications } from './db/database-notifications.ts';
import { EmbeddedPostgres } from './db/embedded-postgres.ts';
import { migrateDatabase } from './db/migrate.ts';
import { ReservedDatabase } from './db/reserved-database.ts';
import { armFailpoints } from './failpoints/failpoints.ts';
import { BullmqWakeQueue } from './queue/bullmq-wake-queue.ts';
import { postgresWakeStore, redisWakeStore } from './queue/bullmq-wake-store.ts';

const POOL = { standalone: 12, distributed: 20 } as const;
const RESERVED = 2;

/** What a server process holds open. */
export interface OpenPlatform {
  readonly url: string;
  readonly db: Db;
  readonly reserved: ReservedDatabase;
  readonly clock: DatabaseClock;
  readonly queue: BullmqWakeQueue;
  readonly notifications: PgNotifications;
  readonly blobs: BlobStore;
  /** Closes in order, the database last. Safe to call twice. */
  close(): Promise<void>;
}

export type OpenBlobs = (config: Config) => BlobStore | Promise<BlobStore>;

function openConfiguredBlobs(config: Config): Promise<BlobStore> {
  const log = new Logger('blobs');
  return openBlobStore(config.blobs, { now: new SystemClock().now(), warn: (sentence) => log.warn(sentence) });
}

/**
 * Claims the data folder (F43), starts or adopts the embedded PostgreSQL unless DATABASE_URL names one, migrates, and
 * connects the queue. Throws one sentence; what was opened until then is closed again.
 */
export async function openPlatform(config: Config, openBlobs: OpenBlobs = openConfiguredBlobs): Promise<OpenPlatform> {
  const log = new Logger('platform');
  armFailpoints(config.failpoints, config.nodeEnv);
  const opened: (() => Promise<unknown> | void)[] = [];
  let closing = false;
  // Only the sentence: the driver hangs its whole connection on its errors.
  const warn = (what: string) => (error: Error) => {
    if (!closing) log.warn(`${what}: ${error.message}`);
  };
  const close = async () => {
    closing = true;
    for (const closeOne of opened.splice(0).reverse()) {
      await Promise.resolve(closeOne()).catch((error: unknown) =>
        log.error(`A part did not close: ${(error as Error).message}`),
      );
    }
  };
  try {
    const claim: DataFolderClaim | undefined =
      config.mode === 'standalone' ? claimDataFolder(config.dataFolder) : undefined;
    if (claim) opened.push(() => claim.release());
    const blobs = await openBlobs(config);
    const url = config.databaseUrl ?? (await startEmbedded(config, opened));
    const brokenIdle = warn('An idle database connection broke');
    const applied = await migrate(url);
    const db = openDatabase(url, POOL[config.mode], brokenIdle);
    opened.push(() => db.destroy());
    const reserved = new ReservedDatabase(openDatabase(url, RESERVED, brokenIdle));
    opened.push(() => reserved.db.destroy());
    const clock = await DatabaseClock.start(reserved.db);
    opened.push(() => clock.stop());
    if (applied.length > 0) log.log(`Applied the database migrations ${applied.join(', ')}.`);
    const notifications = new PgNotifications(url, db, warn('The listening connection broke and is made anew'));
    opened.push(() => notifications.close());
    const store = config.redisUrl === null ? postgresWakeStore(url) : await redisWakeStore(config.redisUrl);
    const queue = new BullmqWakeQueue(store, {
      onError: (error, where) => warn(`The queue reported an error (${where})`)(error),
    });
    opened.push(() => queue.close());
    return { url, db, reserved, clock, queue, notifications, blobs, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Without the limits of requests: a migration takes as long as it takes, and other replicas wait for it. */
async function migrate(url: string): Promise<string[]> {
  const db = openDatabase(url, 2, undefined, {});
  try {
    return await migrateDatabase(db);
  } finally {
    await db.destroy();
  }
}

async function startEmbedded(config: Config, opened: (() => Promise<unknown> | void)[]): Promise<string> {
  const postgres = await EmbeddedPostgres.start({ folder: config.dataFolder });
  opened.push(() => postgres.stop());
  return postgres.url;
}
