/** One server-sent event as it stood on the wire. */
export interface ServerEvent {
  id: string | undefined;
  data: string;
}

/**
 * Reads `text/event-stream` from fetch. Not EventSource, because that hides heartbeat comments (the watchdog needs
 * them) and can't send `Last-Event-ID` on a connection that it did not open itself.
 */
export class EventStreamParser {
  #rest = '';
  #data: string[] = [];
  #id: string | undefined;

  /** Complete events of this chunk; a part of an event waits for the next one. */
  push(chunk: string): ServerEvent[] {
    const events: ServerEvent[] = [];
    const lines = (this.#rest + chunk).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line === '') {
        if (this.#data.length > 0) events.push({ id: this.#id, data: this.#data.join('\n') });
        this.#data = [];
      } else if (!line.startsWith(':')) {
        this.#field(line);
      }
    }
    return events;
  }

  #field(line: string): void {
    const colon = line.indexOf(':');
    const name = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (name === 'data') this.#data.push(value);
    else if (name === 'id') this.#id = value;
  }
}
