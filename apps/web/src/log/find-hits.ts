import { parseAnsiLine } from './ansi-line.ts';
import type { LogLines } from './log-lines.ts';

export interface Hit {
  line: number;
  /** Which occurrence within its line. */
  nth: number;
}
const MOST_HITS = 10_000;

/** The text that stands on screen, without colours. */
export function shownText(lines: LogLines, index: number): string {
  const text = lines.text(index);
  return /[\u001b\u0080-\u009f\r\b]/.test(text)
    ? parseAnsiLine(text)
        .pieces.map((piece) => piece.text)
        .join('')
    : text;
}

/** Literal, without regard to case, over what is loaded. Goes on from where the last call for the same words ended. */
export class HitFinder {
  readonly words: string;
  readonly hits: Hit[] = [];
  #next = 0;

  readonly #lines: LogLines;

  constructor(words: string, lines: LogLines) {
    this.words = words.toLowerCase();
    this.#lines = lines;
  }

  get cut(): boolean {
    return this.hits.length >= MOST_HITS;
  }

  scan(): void {
    const lines = this.#lines;
    // The last line may still grow, so it is looked at again.
    while (this.hits.at(-1) !== undefined && (this.hits.at(-1)?.line ?? 0) >= this.#next) this.hits.pop();
    for (let line = this.#next; line < lines.count && !this.cut; line += 1) {
      const text = shownText(lines, line).toLowerCase();
      let nth = 0;
      for (
        let at = text.indexOf(this.words);
        at !== -1 && !this.cut;
        at = text.indexOf(this.words, at + this.words.length)
      ) {
        this.hits.push({ line, nth });
        nth += 1;
      }
    }
    this.#next = Math.max(0, lines.count - 1);
  }
}
