import type { ServerResponse } from 'node:http';
import type { LiveEvent } from '@sluice/protocol';

/** More than this unsent, and the reader is told to read everything anew once it keeps up (F48). */
const BUFFER_BYTES = 1024 * 1024;

/** One open stream. Never holds more than the buffer, however slow the reader. */
export class LiveClient {
  readonly #response: ServerResponse;
  /** Topics this reader may see, each with the name it is told by; replaced when rights are looked at again. */
  topics: ReadonlyMap<string, string>;
  #behind = false;

  constructor(response: ServerResponse, topics: ReadonlyMap<string, string>) {
    this.#response = response;
    this.topics = topics;
    response.on('drain', () => this.#caughtUp());
  }

  /** Tells of the topic under the reader's own name for it, if it may see it. */
  tell(id: string, event: Exclude<LiveEvent, { type: 'resync' }>): void {
    const topic = this.topics.get(event.topic);
    if (topic !== undefined) this.send(id, { ...event, topic });
  }

  send(id: string, event: LiveEvent): void {
    if (this.#behind) return;
    if (this.#response.writableLength > BUFFER_BYTES) {
      this.#behind = true;
      return;
    }
    this.#response.write(`id: ${id}\ndata: ${JSON.stringify(event)}\n\n`);
  }

  resync(id: string): void {
    this.send(id, { type: 'resync' });
  }

  /** A comment: proves to both sides that the connection lives. */
  beat(): void {
    if (!this.#behind) this.#response.write(': beat\n\n');
  }

  end(): void {
    this.#response.end();
  }

  #caughtUp(): void {
    if (!this.#behind) return;
    this.#behind = false;
    this.#response.write(`data: ${JSON.stringify({ type: 'resync' } satisfies LiveEvent)}\n\n`);
  }
}
