import { Injectable } from '@nestjs/common';
import { DatabaseNotifications } from '../../platform/db/database-notifications.ts';

const CHANNEL = 'sluice_debug';

/** Tells the replica on which a runner waits that there are orders for it. A lost hint costs a moment: whoever waits also looks by itself. */
@Injectable()
export class ShellSignals {
  readonly #notifications: DatabaseNotifications;
  readonly #waiting = new Map<string, Set<() => void>>();
  constructor(notifications: DatabaseNotifications) {
    this.#notifications = notifications;
  }

  async start(): Promise<void> {
    await this.#notifications.listen(CHANNEL, (attemptId) => {
      for (const wake of this.#waiting.get(attemptId) ?? []) wake();
    });
  }

  /** After the commit; never throws. */
  ordered(attemptId: string): void {
    this.#notifications.notify(CHANNEL, attemptId).catch(() => undefined);
  }

  /** Settles with the next signal; `end` settles it too, and must be called. */
  wait(attemptId: string): { readonly signalled: Promise<void>; end(): void } {
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiting = this.#waiting.get(attemptId) ?? new Set();
    this.#waiting.set(attemptId, waiting.add(resolve));
    return {
      signalled: promise,
      end: () => {
        waiting.delete(resolve);
        if (waiting.size === 0 && this.#waiting.get(attemptId) === waiting) this.#waiting.delete(attemptId);
        resolve();
      },
    };
  }

  wakeAll(): void {
    for (const waiting of this.#waiting.values()) for (const wake of waiting) wake();
  }
}
