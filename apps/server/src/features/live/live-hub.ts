import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { LiveEvent } from '@sluice/protocol';
import { LiveClient } from './live-client.ts';

type TopicEvent = Exclude<LiveEvent, { type: 'resync' }>;
/** How far back a reader can resume; further back it reads everything anew. */
const REMEMBERED = 2_000;

/** All streams of this process. Ids are `<hub>-<sequence>`: another process or a restart cannot resume them. */
@Injectable()
export class LiveHub {
  readonly #id = randomBytes(6).toString('hex');
  readonly #clients = new Set<LiveClient>();
  readonly #recent: { readonly sequence: number; readonly event: TopicEvent }[] = [];
  #sequence = 0;

  get clients(): ReadonlySet<LiveClient> {
    return this.#clients;
  }

  add(client: LiveClient, lastEventId: string | undefined): void {
    this.#clients.add(client);
    if (lastEventId === undefined) return;
    const after = this.#sequenceOf(lastEventId);
    const oldest = this.#recent[0]?.sequence ?? this.#sequence + 1;
    if (after === undefined || after < oldest - 1 || after > this.#sequence) {
      client.resync(this.#eventId(this.#sequence));
      return;
    }
    for (const { sequence, event } of this.#recent) {
      if (sequence > after) client.tell(this.#eventId(sequence), event);
    }
  }

  remove(client: LiveClient): void {
    this.#clients.delete(client);
  }

  publish(event: TopicEvent): void {
    this.#sequence += 1;
    this.#recent.push({ sequence: this.#sequence, event });
    if (this.#recent.length > REMEMBERED) this.#recent.shift();
    const id = this.#eventId(this.#sequence);
    for (const client of this.#clients) client.tell(id, event);
  }

  /** Hints may have been lost: every reader reads anew, and nobody resumes across the gap. */
  resyncAll(): void {
    this.#sequence += 1;
    this.#recent.length = 0;
    for (const client of this.#clients) client.resync(this.#eventId(this.#sequence));
  }

  #eventId(sequence: number): string {
    return `${this.#id}-${sequence}`;
  }

  #sequenceOf(eventId: string): number | undefined {
    const [hub, sequence] = eventId.split('-');
    return hub === this.#id && /^\d{1,15}$/.test(sequence ?? '') ? Number(sequence) : undefined;
  }
}
