import { Global, Module, type DynamicModule } from '@nestjs/common';
import { Kysely } from 'kysely';
import { Clock, Ids } from '../platform/clock/clock.port.ts';
import { SystemClock, UuidV7 } from '../platform/clock/system-clock.ts';
import { Config } from '../platform/config/config.ts';
import { DatabaseNotifications, PgNotifications } from '../platform/db/database-notifications.ts';
import { Transactions } from '../platform/db/transactions.ts';
import type { TestDatabase } from '../platform/db/testing/test-database.ts';
import { OutboxRelay } from '../platform/outbox/outbox-relay.ts';
import { Outbox, OutboxHandlers } from '../platform/outbox/outbox.ts';
import { OutboxSignal } from '../platform/outbox/outbox-signal.ts';
import { RegisteredHandlers } from '../platform/outbox/registered-handlers.ts';

@Global()
@Module({})
export class TestPlatformModule {
  static forRoot(config: Config, database: TestDatabase): { module: DynamicModule; relay: OutboxRelay; close(): Promise<void> } {
    const signal = new OutboxSignal();
    const handlers = new RegisteredHandlers();
    const notifications = new PgNotifications(database.url, database.db);
    const relay = new OutboxRelay(database.db, signal, handlers, { topics: [] });
    const providers = [
      { provide: Config, useValue: config },
      { provide: Kysely, useValue: database.db },
      { provide: Transactions, useValue: database.transactions },
      { provide: Outbox, useValue: new Outbox(signal) },
      { provide: OutboxHandlers, useValue: handlers },
      { provide: DatabaseNotifications, useValue: notifications },
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
