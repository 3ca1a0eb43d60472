import { Logger, Module, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { DatabaseNotifications } from '../../platform/db/database-notifications.ts';
import { RequestsInFlight } from '../../platform/http/requests-in-flight.ts';
import { OutboxHandlers } from '../../platform/outbox/outbox.ts';
import { LIVE_CHANNEL, LiveNotifier, type LiveNote } from './live-notifier.ts';
import { LiveController } from './live.controller.ts';
import { LiveHub } from './live-hub.ts';
import { LookForMissed } from './look-for-missed.ts';
import { VisibleTopics } from './visible-topics.ts';

const BEAT_MS = 15_000;
const LOOK_MS = 3_000;

@Module({
  controllers: [LiveController],
  providers: [LiveHub, LiveNotifier, VisibleTopics, LookForMissed],
  exports: [LiveNotifier],
})
export class LiveModule implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #log = new Logger('live');
  readonly #notifications: DatabaseNotifications;
  readonly #hub: LiveHub;
  readonly #missed: LookForMissed;
  #timers: NodeJS.Timeout[] = [];
  #looking = false;

  constructor(
    handlers: OutboxHandlers,
    notifications: DatabaseNotifications,
    notifier: LiveNotifier,
    hub: LiveHub,
    missed: LookForMissed,
    inFlight: RequestsInFlight,
  ) {
    this.#notifications = notifications;
    this.#hub = hub;
    this.#missed = missed;
    inFlight.stopping.addEventListener('abort', () => {
      for (const client of this.#hub.clients) client.end();
    });
    handlers.onMany('changed', (messages) => notifier.changed(messages.flatMap(({ topics }) => topics)));
  }

  async onApplicationBootstrap(): Promise<void> {
    this.#notifications.onReconnect(() => this.#hub.resyncAll());
    await this.#notifications.listen(LIVE_CHANNEL, (payload) => this.#hear(payload));
    this.#timers = [setInterval(() => this.#beat(), BEAT_MS), setInterval(() => void this.#look(), LOOK_MS)];
    for (const timer of this.#timers) timer.unref();
  }

  onModuleDestroy(): void {
    for (const timer of this.#timers) clearInterval(timer);
  }

  #hear(payload: string): void {
    for (const note of JSON.parse(payload) as LiveNote[]) {
      if (note[0] === 'c') this.#hub.publish({ type: 'changed', topic: note[1] });
      else this.#hub.publish({ type: 'log', topic: note[1], length: note[2], sealed: note[3] === 1 });
    }
  }

  #beat(): void {
    for (const client of this.#hub.clients) client.beat();
  }

  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      await this.#missed.look();
    } catch (error) {
      this.#log.warn(`Versions of what is watched could not be read: ${(error as Error).message}`);
    } finally {
      this.#looking = false;
    }
  }
}
