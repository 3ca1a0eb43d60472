import { parseAnsiLine, startState, type AnsiState } from './ansi-line.ts';

/**
 * Lines of a log as its bytes arrive. Offsets are of bytes, because steps say where they begin in bytes. A line that has
 * no newline yet is part of `text(count - 1)` and grows.
 */
export class LogLines {
  #texts: string[] = [];
  #offsets: number[] = [];
  /** Only for lines that begin in a colour of an earlier one. */
  #states = new Map<number, AnsiState>();
  #state: AnsiState = startState;
  #pending: Uint8Array = new Uint8Array(0);
  #pendingText: string | undefined;
  #length: number;
  readonly start: number;

  /** `start` is the offset of the first byte that will be pushed. */
  constructor(start = 0) {
    this.start = start;
    this.#length = start;
  }

  /** Offset after the last byte that was pushed. */
  get length(): number {
    return this.#length;
  }

  get count(): number {
    return this.#texts.length + (this.#pending.length > 0 ? 1 : 0);
  }

  push(bytes: Uint8Array): void {
    const lineStart = this.#length - this.#pending.length;
    const all = this.#pending.length === 0 ? bytes : joined(this.#pending, bytes);
    this.#length += bytes.length;
    const lastNewline = all.lastIndexOf(10);
    if (lastNewline >= 0) {
      let from = 0;
      for (let end = all.indexOf(10); end !== -1; end = all.indexOf(10, from)) {
        this.#offsets.push(lineStart + from);
        from = end + 1;
      }
      // No UTF-8 sequence holds a newline, so bytes and text split at the same places.
      for (const text of new TextDecoder().decode(all.subarray(0, lastNewline)).split('\n')) this.#add(text);
    }
    this.#pending = all.slice(lastNewline + 1);
    this.#pendingText = undefined;
  }

  text(index: number): string {
    if (index < this.#texts.length) return this.#texts[index] ?? '';
    this.#pendingText ??= new TextDecoder().decode(this.#pending);
    return this.#pendingText;
  }

  /** Colour in which the line begins. */
  state(index: number): AnsiState {
    return index < this.#texts.length ? (this.#states.get(index) ?? startState) : this.#state;
  }

  /** First line that begins at or after the byte. */
  lineAt(offset: number): number {
    let low = 0;
    let high = this.#offsets.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#offsets[middle] ?? 0) < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #add(text: string): void {
    const index = this.#texts.push(text) - 1;
    if (this.#state !== startState) this.#states.set(index, this.#state);
    if (!text.includes('\u001b') && !text.includes('\u009b')) return;
    const { state } = parseAnsiLine(text, this.#state);
    const isPlain =
      state.href === null && Object.values(state.style).every((value) => value === null || value === false);
    this.#state = isPlain ? startState : state;
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const all = new Uint8Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all;
}
