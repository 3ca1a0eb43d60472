import { Global, Module, type DynamicModule } from '@nestjs/common';
import { Kysely } from 'kysely';
import { BlobStore } from '../platform/blobs/blob-store.port.ts';
import { openBlobStore } from '../platform/blobs/open-blob-store.ts';
import { Clock, Ids } from '../platform/clock/clock.port.ts';
import { SystemClock, UuidV7 } from '../platform/clock/system-clock.ts';
import { Config } from '../platform/config/config.ts';
import { DatabaseNotifications, PgNotifications } from '../platform/db/database-notifications.ts';
import type { TestDatabase } from '../platform/db/testing/test-database.ts';
import { Transactions } from '../platform/db/transactions.ts';
import { OutboxRelay } from '../platform/outbox/outbox-relay.ts';
import { OutboxSignal } from '../platform/outbox/outbox-signal.ts';
import { Outbox, OutboxHandlers, OutboxWaker } from '../platform/outbox/outbox.ts';
import { RegisteredHandlers } from '../platform/outbox/registered-handlers.ts';
import { WakeQueue, type WakeName } from '../platform/queue/wake-queue.port.ts';

/** Wake-ups within this process. */
class InProcessWakeQueue extends WakeQueue {
  readonly #handlers = new Map<WakeName, (message: never) => Promise<void>>();
  override async send(name: WakeName, message: unknown): Promise<void> {
    void this.#handlers
      .get(name)?.(message as never)
      .catch(() => undefined);
  }
  override async consume(name: WakeName, handler: (message: never) => Promise<void>): Promise<void> {
    this.#handlers.set(name, handler);
  }
  override problem(): null {
    return null;
  }
  override async close(): Promise<void> {
    this.#handlers.clear();
  }
}

/** For specs of some features on their own: a real database, no queue, and a relay that stands still until it is started. */
@Global()
@Module({})
export class TestPlatformModule {
  static forRoot(
    config: Config,
    database: TestDatabase,
  ): { module: DynamicModule; relay: OutboxRelay; close(): Promise<void> } {
    const signal = new OutboxSignal();
    const handlers = new RegisteredHandlers();
    const notifications = new PgNotifications(database.url, database.db);
    const relay = new OutboxRelay(database.db, signal, handlers, { topics: [] });
    const providers = [
      { provide: Config, useValue: config },
      { provide: Kysely, useValue: database.db },
      { provide: Transactions, useValue: database.transactions },
      { provide: Outbox, useValue: new Outbox(signal) },
      { provide: OutboxWaker, useValue: signal },
      { provide: OutboxHandlers, useValue: handlers },
      { provide: DatabaseNotifications, useValue: notifications },
      { provide: WakeQueue, useValue: new InProcessWakeQueue() },
      { provide: BlobStore, useFactory: () => openBlobStore(config.blobs, { now: new Date(), warn: () => undefined }) },
      { provide: Clock, useValue: new SystemClock() },
      { provide: Ids, useValue: new UuidV7() },
    ];
    const module = { module: TestPlatformModule, providers, exports: providers.map(({ provide }) => provide) };
    const close = async () => {
      await relay.stop();
      await notifications.close();
    };
    return { module, relay, close };
  }
}
