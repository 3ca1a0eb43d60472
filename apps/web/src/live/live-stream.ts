import type { LiveEvent } from '@sluice/protocol';
import { EventStreamParser } from './event-stream.ts';

const SILENCE_MS = 35_000;
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 30_000;
const TOPIC_SETTLE_MS = 30;

export type LiveState =
  { kind: 'live' } | { kind: 'catching-up'; since: number } | { kind: 'offline'; lastSeen: number };

type Listener = (event: LiveEvent) => void;

/**
 * One stream for the whole page. Screens add topics; the set of topics is in the address of the stream, so a change
 * opens a new one. Order of what a listener sees: `resync` when the stream opens for its topic or lost its place,
 * then the events. 35 s without a byte (the server beats every 15 s) counts as a dead connection.
 */
export class LiveStream {
  #topics = new Map<string, Set<Listener>>();
  #covered = new Set<string>();
  #controller: AbortController | undefined;
  #openTopics = '';
  #lastId: string | undefined;
  #retryMs = FIRST_RETRY_MS;
  #settle: ReturnType<typeof setTimeout> | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #lastSeen = Date.now();
  #state: LiveState = { kind: 'catching-up', since: Date.now() };
  #stateReaders = new Set<() => void>();

  get state(): LiveState {
    return this.#state;
  }

  readonly onState = (reader: () => void): (() => void) => {
    this.#stateReaders.add(reader);
    return () => this.#stateReaders.delete(reader);
  };

  listen(topic: string, listener: Listener): () => void {
    const listeners = this.#topics.get(topic) ?? new Set();
    this.#topics.set(topic, listeners.add(listener));
    this.#topicsChanged();
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.#topics.delete(topic);
      this.#topicsChanged();
    };
  }

  /** Screens mount several topics in one go; the address is made once they have settled. */
  #topicsChanged(): void {
    clearTimeout(this.#settle);
    this.#settle = setTimeout(() => {
      const wanted = [...this.#topics.keys()].sort().join(',');
      if (wanted === this.#openTopics) return;
      const added = [...this.#topics.keys()].some((topic) => !this.#covered.has(topic));
      // Fewer topics need no new stream: what arrives for the others finds no listener.
      if (added) this.#open(wanted);
    }, TOPIC_SETTLE_MS);
  }

  #open(topics: string): void {
    this.#controller?.abort();
    clearTimeout(this.#retry);
    const controller = new AbortController();
    this.#controller = controller;
    if (topics !== this.#openTopics) this.#lastId = undefined;
    this.#openTopics = topics;
    void this.#read(topics, controller);
  }

  async #read(topics: string, controller: AbortController): Promise<void> {
    let watchdog = setTimeout(() => controller.abort(), SILENCE_MS);
    const alive = (): void => {
      clearTimeout(watchdog);
      watchdog = setTimeout(() => controller.abort(), SILENCE_MS);
      this.#lastSeen = Date.now();
    };
    try {
      const response = await fetch(`/api/v1/live?topics=${encodeURIComponent(topics)}`, {
        headers: {
          accept: 'text/event-stream',
          ...(this.#lastId === undefined ? {} : { 'last-event-id': this.#lastId }),
        },
        signal: controller.signal,
        credentials: 'same-origin',
      });
      if (!response.ok || response.body === null) throw new Error(`The live stream answered ${response.status}.`);
      alive();
      this.#opened(topics);
      const parser = new EventStreamParser();
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        alive();
        for (const event of parser.push(value)) {
          this.#lastId = event.id ?? this.#lastId;
          this.#deliver(JSON.parse(event.data) as LiveEvent);
        }
      }
    } catch {
      // Every end of the stream, clean or not, is answered the same way below.
    } finally {
      clearTimeout(watchdog);
    }
    if (this.#controller === controller) this.#lost();
  }

  #opened(topics: string): void {
    this.#retryMs = FIRST_RETRY_MS;
    this.#covered = new Set(topics.split(','));
    this.#setState({ kind: 'live' });
    // What was read before the stream opened may be older than the stream, also where the server could resume: read it
    // once more.
    for (const listeners of this.#topics.values()) for (const listener of listeners) listener({ type: 'resync' });
  }

  #deliver(event: LiveEvent): void {
    for (const [topic, listeners] of this.#topics) {
      if (event.type !== 'resync' && event.topic !== topic) continue;
      for (const listener of listeners) listener(event);
    }
  }

  #lost(): void {
    const wait = this.#retryMs * (0.75 + Math.random() / 2);
    this.#retryMs = Math.min(this.#retryMs * 2, LONGEST_RETRY_MS);
    if (this.#state.kind === 'live') this.#setState({ kind: 'catching-up', since: this.#lastSeen });
    setTimeout(() => {
      if (this.#state.kind === 'catching-up') this.#setState({ kind: 'offline', lastSeen: this.#lastSeen });
    }, 5_000);
    this.#retry = setTimeout(() => this.#open([...this.#topics.keys()].sort().join(',')), wait);
  }

  #setState(state: LiveState): void {
    this.#state = state;
    for (const reader of this.#stateReaders) reader();
  }
}

export const liveStream = new LiveStream();
