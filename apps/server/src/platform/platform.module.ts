import {
  Global,
  Logger,
  Module,
  type DynamicModule,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type Provider,
} from '@nestjs/common';
import { Kysely } from 'kysely';
import { BlobStore } from './blobs/blob-store.port.ts';
import { Clock, Ids } from './clock/clock.port.ts';
import { UuidV7 } from './clock/system-clock.ts';
import { Config } from './config/config.ts';
import { DatabaseNotifications } from './db/database-notifications.ts';
import { ReservedDatabase } from './db/reserved-database.ts';
import { Transactions } from './db/transactions.ts';
import { openPlatform, type OpenBlobs, type OpenPlatform } from './open-platform.ts';
import { OutboxRelay } from './outbox/outbox-relay.ts';
import { Outbox, OutboxHandlers, OutboxWaker } from './outbox/outbox.ts';
import { OutboxSignal } from './outbox/outbox-signal.ts';
import { RegisteredHandlers } from './outbox/registered-handlers.ts';
import { WakeQueue } from './queue/wake-queue.port.ts';

/** Holds what is open for as long as the application lives. */
class Opened {
  readonly platform: OpenPlatform;
  constructor(platform: OpenPlatform) {
    this.platform = platform;
  }
}

/**
 * Everything that features ask for by port, for the whole application. The relay starts when every module has registered
 * its handlers; on shutdown features stop in `onModuleDestroy` and `beforeApplicationShutdown`, and this closes last.
 */
@Global()
@Module({})
export class PlatformModule implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #relay: OutboxRelay;
  readonly #opened: Opened;

  constructor(relay: OutboxRelay, opened: Opened) {
    this.#relay = relay;
    this.#opened = opened;
  }

  static forRoot(config: Config, openBlobs?: OpenBlobs): DynamicModule {
    const shared: Provider[] = [
      { provide: Config, useValue: config },
      { provide: Kysely, useFactory: ({ platform }: Opened) => platform.db, inject: [Opened] },
      { provide: ReservedDatabase, useFactory: ({ platform }: Opened) => platform.reserved, inject: [Opened] },
      { provide: Transactions, useFactory: ({ platform }: Opened) => new Transactions(platform.db), inject: [Opened] },
      {
        provide: DatabaseNotifications,
        useFactory: ({ platform }: Opened) => platform.notifications,
        inject: [Opened],
      },
      { provide: WakeQueue, useFactory: ({ platform }: Opened) => platform.queue, inject: [Opened] },
      { provide: BlobStore, useFactory: ({ platform }: Opened) => platform.blobs, inject: [Opened] },
      { provide: OutboxHandlers, useExisting: RegisteredHandlers },
      { provide: OutboxWaker, useExisting: OutboxSignal },
      { provide: Outbox, useFactory: (signal: OutboxSignal) => new Outbox(signal), inject: [OutboxSignal] },
      { provide: Clock, useFactory: ({ platform }: Opened) => platform.clock, inject: [Opened] },
      { provide: Ids, useClass: UuidV7 },
    ];
    return {
      module: PlatformModule,
      providers: [
        ...shared,
        { provide: Opened, useFactory: async () => new Opened(await openPlatform(config, openBlobs)) },
        { provide: OutboxSignal, useFactory: () => new OutboxSignal() },
        { provide: RegisteredHandlers, useFactory: () => new RegisteredHandlers() },
        {
          provide: OutboxRelay,
          useFactory: ({ platform }: Opened, signal: OutboxSignal, handlers: RegisteredHandlers) => {
            const log = new Logger('outbox');
            return new OutboxRelay(platform.db, signal, handlers, {
              // Who shortens leases wants dead processes noticed sooner; 6 s of 60 s.
              claimMs: Math.min(6_000, Math.max(2_000, config.leaseSeconds * 100)),
              onError: (error, where) => log.warn(`${where} is tried again: ${error.message}`),
            });
          },
          inject: [Opened, OutboxSignal, RegisteredHandlers],
        },
      ],
      exports: shared.map((provider) => (provider as { provide: symbol }).provide),
    };
  }

  onApplicationBootstrap(): void {
    this.#relay.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#relay.stop();
    await this.#opened.platform.close();
  }
}
