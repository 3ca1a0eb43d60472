import { Injectable } from '@nestjs/common';
import { DatabaseNotifications } from '../../platform/db/database-notifications.ts';

export const LIVE_CHANNEL = 'sluice_live';
/** At most one notification per topic in this time. */
const COALESCE_MS = 25;
/** NOTIFY refuses 8,000 bytes. */
const PAYLOAD_BYTES = 7_000;

/** What travels between replicas: topics that changed, and how long logs are by now. Ids and numbers only. */
export type LiveNote =
  readonly [kind: 'c', topic: string] | readonly [kind: 'l', topic: string, length: number, sealed: 0 | 1];

/**
 * Tells every replica, coalesced: the first note of a quiet moment goes at once, the rest wait for 25 ms together.
 * The promise settles when the note was sent, or rejects when it could not be: the outbox then tries again.
 */
@Injectable()
export class LiveNotifier {
  readonly #notifications: DatabaseNotifications;
  readonly #pending = new Map<string, LiveNote>();
  #sent = Promise.withResolvers<void>();
  #pausing: NodeJS.Timeout | undefined;
  constructor(notifications: DatabaseNotifications) {
    this.#notifications = notifications;
  }

  async changed(topics: readonly string[]): Promise<void> {
    if (topics.length === 0) return;
    for (const topic of topics) this.#pending.set(`c ${topic}`, ['c', topic]);
    return this.#soon();
  }

  async log(attemptId: string, length: number, sealed: boolean): Promise<void> {
    const topic = `log:${attemptId}`;
    const known = this.#pending.get(`l ${topic}`);
    const longest = known?.[0] === 'l' ? Math.max(known[2], length) : length;
    this.#pending.set(`l ${topic}`, ['l', topic, longest, sealed || known?.[3] === 1 ? 1 : 0]);
    return this.#soon();
  }

  /** The shape that logs ask for: returns at once and never throws; a lost hint is found again by looking. */
  logGrew(attemptId: string, length: number, sealed: boolean): void {
    this.log(attemptId, length, sealed).catch(() => undefined);
  }

  #soon(): Promise<void> {
    const { promise } = this.#sent;
    if (this.#pausing === undefined) this.#flush();
    return promise;
  }

  #flush(): void {
    const notes = [...this.#pending.values()];
    this.#pending.clear();
    const { resolve, reject, promise } = this.#sent;
    this.#sent = Promise.withResolvers<void>();
    // Somebody may have stopped listening to it; the outbox does listen.
    promise.catch(() => undefined);
    Promise.all(payloads(notes).map((payload) => this.#notifications.notify(LIVE_CHANNEL, payload))).then(
      () => resolve(),
      reject,
    );
    this.#pausing = setTimeout(() => {
      this.#pausing = undefined;
      if (this.#pending.size > 0) this.#flush();
    }, COALESCE_MS);
  }
}

function payloads(notes: readonly LiveNote[]): string[] {
  const all: string[] = [];
  let part: LiveNote[] = [];
  let bytes = 2;
  for (const note of notes) {
    const size = JSON.stringify(note).length + 1;
    if (bytes + size > PAYLOAD_BYTES) {
      all.push(JSON.stringify(part));
      part = [];
      bytes = 2;
    }
    part.push(note);
    bytes += size;
  }
  if (part.length > 0) all.push(JSON.stringify(part));
  return all;
}
