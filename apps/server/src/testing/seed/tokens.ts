/** Stands for a moment after the run began; replaced by the real one when a row is rendered. */
const BASE = Date.UTC(2000, 0, 1);
const BASE_DAY = '2000-01-01T';
/** Above this a number stands for another one. */
const NUMBERS_FROM = 987_654_000;

/** A word in a template that stands for a value of one run. */
export const token = (name: string): string => `§${name}§`;
export const numberToken = (index: number): number => NUMBERS_FROM + index;
export const instantToken = (ms: number): string => new Date(BASE + ms).toISOString();
export const offsetOf = (instant: string): number => Date.parse(instant) - BASE;

export interface RunValues {
  readonly words: ReadonlyMap<string, string>;
  readonly numbers: readonly number[];
  readonly startedAt: number;
}

const TOKENS = new RegExp(`§([^§]+)§|${BASE_DAY}[0-9:.]+Z|${String(NUMBERS_FROM).slice(0, 6)}\\d{3}`, 'g');

/** A template of JSON text, taken apart once: rendering it is joining. */
export class Template {
  readonly #literals: string[] = [];
  readonly #fill: ((values: RunValues) => string)[] = [];

  constructor(value: unknown) {
    const text = JSON.stringify(value);
    let at = 0;
    for (const match of text.matchAll(TOKENS)) {
      this.#literals.push(text.slice(at, match.index));
      this.#fill.push(filling(match[0], match[1]));
      at = match.index + match[0].length;
    }
    this.#literals.push(text.slice(at));
  }

  render(values: RunValues): string {
    let text = this.#literals[0]!;
    for (const [index, fill] of this.#fill.entries()) text += fill(values) + this.#literals[index + 1]!;
    return text;
  }
}

function filling(found: string, word: string | undefined): (values: RunValues) => string {
  if (word !== undefined) {
    return ({ words }) => {
      const value = words.get(word);
      if (value === undefined) throw new Error(`the seed has no value for ${word}`);
      return value;
    };
  }
  if (found.startsWith(BASE_DAY)) {
    const offset = offsetOf(found);
    return ({ startedAt }) => new Date(startedAt + offset).toISOString();
  }
  const index = Number(found) - NUMBERS_FROM;
  return ({ numbers }) => String(numbers[index]);
}
