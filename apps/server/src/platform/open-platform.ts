import { Logger } from '@nestjs/common';
import type { Config } from './config/config.ts';
import { claimDataFolder, type DataFolderClaim } from './db/claim-data-folder.ts';
import { openDatabase, type Db } from './db/database.ts';
import { PgNotifications } from './db/database-notifications.ts';
import { EmbeddedPostgres } from './db/embedded-postgres.ts';
import { migrateDatabase } from './db/migrate.ts';
import { armFailpoints } from './failpoints/failpoints.ts';
import { BullmqWakeQueue } from './queue/bullmq-wake-queue.ts';
import { postgresWakeStore, redisWakeStore } from './queue/bullmq-wake-store.ts';

const POOL = { standalone: 12, distributed: 20 } as const;

/** What a server process holds open. */
export interface OpenPlatform {
  readonly url: string;
  readonly db: Db;
  readonly queue: BullmqWakeQueue;
  readonly notifications: PgNotifications;
  /** Closes in order, the database last. Safe to call twice. */
  close(): Promise<void>;
}

/**
 * Claims the data folder (F43), starts or adopts the embedded PostgreSQL unless DATABASE_URL names one, migrates, and
 * connects the queue. Throws one sentence; what was opened until then is closed again.
 */
export async function openPlatform(config: Config): Promise<OpenPlatform> {
  const log = new Logger('platform');
  armFailpoints(config.failpoints, config.nodeEnv);
  const opened: (() => Promise<unknown> | void)[] = [];
  const close = async () => {
    for (const closeOne of opened.splice(0).reverse()) {
      await Promise.resolve(closeOne()).catch((error: unknown) => log.error({ err: error }, 'a part did not close'));
    }
  };
  try {
    const claim: DataFolderClaim | undefined = config.mode === 'standalone' ? claimDataFolder(config.dataFolder) : undefined;
    if (claim) opened.push(() => claim.release());
    const url = config.databaseUrl ?? (await startEmbedded(config, opened));
    const db = openDatabase(url, POOL[config.mode], (error) => log.warn({ err: error }, 'an idle database connection broke'));
    opened.push(() => db.destroy());
    const applied = await migrateDatabase(db);
    if (applied.length > 0) log.log(`Applied the database migrations ${applied.join(', ')}.`);
    const notifications = new PgNotifications(url, db, (error) => log.warn({ err: error }, 'the listening connection broke and is made anew'));
    opened.push(() => notifications.close());
    const store = config.redisUrl === null ? postgresWakeStore(url) : await redisWakeStore(config.redisUrl);
    const queue = new BullmqWakeQueue(store, { onError: (error, where) => log.warn({ err: error, where }, 'the queue reported an error') });
    opened.push(() => queue.close());
    return { url, db, queue, notifications, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function startEmbedded(config: Config, opened: (() => Promise<unknown> | void)[]): Promise<string> {
  const postgres = await EmbeddedPostgres.start({ folder: config.dataFolder });
  opened.push(() => postgres.stop());
  return postgres.url;
}
