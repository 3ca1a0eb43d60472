/** Class names that a piece of log text may carry; colours are numbers 0 to 15 of the terminal palette. */
export interface AnsiStyle {
  fg: number | null;
  bg: number | null;
  bold: boolean;
  dim: boolean;
  italic: boolean;
  underline: boolean;
  inverse: boolean;
  strike: boolean;
}
export interface LogPiece {
  text: string;
  style: AnsiStyle;
  /** Checked address of an OSC 8 link. */
  href: string | null;
}
export interface AnsiState {
  style: AnsiStyle;
  href: string | null;
}
export interface ParsedLine {
  pieces: LogPiece[];
  /** What the next line begins with. */
  state: AnsiState;
}

const plain: AnsiStyle = {
  fg: null,
  bg: null,
  bold: false,
  dim: false,
  italic: false,
  underline: false,
  inverse: false,
  strike: false,
};
export const startState: AnsiState = { style: plain, href: null };
/** A sequence that doesn't end within this many characters is no sequence: its text is shown. */
const SEQUENCE_CAP = 4096;
const LINK_CAP = 2048;
const ESC = 0x1b;

/**
 * Reads one line (without its newline) with an allow-list: colours and text styles (SGR), links to http and https
 * (OSC 8), carriage return and erase-line. Every other sequence is dropped. Each character is looked at a fixed
 * number of times, so the time is linear in the length whatever the log holds.
 */
export function parseAnsiLine(line: string, before: AnsiState = startState): ParsedLine {
  const text = line.endsWith('\r') ? line.slice(0, -1) : line;
  if (!/[\u001b\u0080-\u009f\r\b]/.test(text)) {
    return { pieces: text === '' ? [] : [{ text, style: before.style, href: before.href }], state: before };
  }
  const cells = new LineCells(before);
  let at = 0;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === ESC) at = readEscape(text, at, cells);
    else if (code === 0x9b) at = readCsi(text, at, at + 1, cells);
    else if (code === 0x9d) at = readOsc(text, at, at + 1, cells);
    else if (code === 0x90 || code === 0x98 || code === 0x9e || code === 0x9f) at = dropString(text, at, at + 1, cells);
    else if (code >= 0x80 && code <= 0x9f) at += 1;
    else if (code === 0x0d) {
      cells.column = 0;
      at += 1;
    } else if (code === 0x08) {
      cells.column = Math.max(0, cells.column - 1);
      at += 1;
    } else {
      const end = plainEnd(text, at);
      cells.write(text.slice(at, end));
      at = end;
    }
  }
  return { pieces: cells.pieces(), state: { style: cells.style, href: cells.href } };
}

function plainEnd(text: string, from: number): number {
  let at = from;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === ESC || code === 0x0d || code === 0x08 || (code >= 0x80 && code <= 0x9f)) break;
    at += 1;
  }
  return at;
}

function readEscape(text: string, start: number, cells: LineCells): number {
  const next = text[start + 1];
  if (next === '[') return readCsi(text, start, start + 2, cells);
  if (next === ']') return readOsc(text, start, start + 2, cells);
  if (next === 'P' || next === 'X' || next === '^' || next === '_') return dropString(text, start, start + 2, cells);
  if (next === undefined) return start + 1;
  // Character set selections have one more byte; all others are two bytes long.
  return next === '(' || next === ')' || next === '#' ? start + 3 : start + 2;
}

/** `ESC [ parameters final`; only `m` and `K` do something. */
function readCsi(text: string, start: number, from: number, cells: LineCells): number {
  let at = from;
  const limit = Math.min(text.length, start + SEQUENCE_CAP);
  while (at < limit && text.charCodeAt(at) >= 0x20 && text.charCodeAt(at) <= 0x3f) at += 1;
  if (at >= limit) return at === text.length ? at : from;
  const final = text.charCodeAt(at);
  // A control character inside ends the sequence without eating it.
  if (final < 0x40 || final > 0x7e) return at;
  const parameters = text.slice(from, at);
  if (text[at] === 'm' && /^[\d;:]*$/.test(parameters)) cells.style = selectGraphics(parameters, cells.style);
  if (text[at] === 'K' && /^[012]?$/.test(parameters)) cells.erase(parameters);
  return at + 1;
}

/** End of a string sequence and where the text goes on, or undefined when it has none within the cap. */
function stringEnd(text: string, start: number, from: number): { end: number; next: number } | undefined {
  const limit = Math.min(text.length, start + SEQUENCE_CAP);
  for (let at = from; at < limit; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0x07 || code === 0x9c) return { end: at, next: at + 1 };
    if (code === ESC) return text[at + 1] === '\\' ? { end: at, next: at + 2 } : { end: from, next: at };
    if (code >= 0x80 && code <= 0x9f) return { end: from, next: at };
  }
  return limit === text.length ? { end: from, next: limit } : undefined;
}

function dropString(text: string, start: number, from: number, _cells: LineCells): number {
  return stringEnd(text, start, from)?.next ?? from;
}

function readOsc(text: string, start: number, from: number, cells: LineCells): number {
  const found = stringEnd(text, start, from);
  if (found === undefined) return from;
  const link = /^8;[^;]*;([\s\S]*)$/.exec(text.slice(from, found.end));
  if (link !== null) cells.href = safeLink(link[1] ?? '');
  return found.next;
}

/** http and https only, no user info, at most 2,048 characters; else null. */
export function safeLink(address: string): string | null {
  if (address.length === 0 || address.length > LINK_CAP || !/^https?:\/\//i.test(address)) return null;
  try {
    const url = new URL(address);
    if ((url.protocol !== 'https:' && url.protocol !== 'http:') || url.username !== '' || url.password !== '')
      return null;
    return url.href;
  } catch {
    return null;
  }
}

function selectGraphics(parameters: string, style: AnsiStyle): AnsiStyle {
  const codes = parameters.split(/[;:]/).map((part) => (part === '' ? 0 : Number(part)));
  let next = { ...style };
  for (let index = 0; index < codes.length; index += 1) {
    const code = codes[index] ?? 0;
    if (code === 0) next = { ...plain };
    else if (code === 1) next.bold = true;
    else if (code === 2) next.dim = true;
    else if (code === 3) next.italic = true;
    else if (code === 4 || code === 21) next.underline = true;
    else if (code === 7) next.inverse = true;
    else if (code === 9) next.strike = true;
    else if (code === 22) next.bold = next.dim = false;
    else if (code === 23) next.italic = false;
    else if (code === 24) next.underline = false;
    else if (code === 27) next.inverse = false;
    else if (code === 29) next.strike = false;
    else if (code >= 30 && code <= 37) next.fg = code - 30;
    else if (code === 39) next.fg = null;
    else if (code >= 40 && code <= 47) next.bg = code - 40;
    else if (code === 49) next.bg = null;
    else if (code >= 90 && code <= 97) next.fg = code - 82;
    else if (code >= 100 && code <= 107) next.bg = code - 92;
    else if (code === 38 || code === 48) {
      const { colour, used } = extendedColour(codes, index + 1);
      if (colour !== undefined) next[code === 38 ? 'fg' : 'bg'] = colour;
      index += used;
    }
  }
  return next;
}

/** `5;n` and `2;r;g;b` snap to the nearest of the sixteen, so that contrast holds in both themes. */
function extendedColour(codes: number[], at: number): { colour: number | undefined; used: number } {
  if (codes[at] === 5) {
    const n = codes[at + 1] ?? -1;
    if (n < 0 || n > 255) return { colour: undefined, used: 2 };
    if (n < 16) return { colour: n, used: 2 };
    if (n >= 232) return { colour: nearest((n - 232) * 10 + 8, (n - 232) * 10 + 8, (n - 232) * 10 + 8), used: 2 };
    const level = (value: number): number => (value === 0 ? 0 : value * 40 + 55);
    const cube = n - 16;
    return { colour: nearest(level(Math.floor(cube / 36)), level(Math.floor(cube / 6) % 6), level(cube % 6)), used: 2 };
  }
  if (codes[at] === 2) {
    const [r = 0, g = 0, b = 0] = codes.slice(at + 1, at + 4);
    return { colour: nearest(r, g, b), used: 4 };
  }
  return { colour: undefined, used: 1 };
}

const palette: readonly (readonly [number, number, number])[] = [
  [0, 0, 0],
  [205, 49, 49],
  [13, 188, 121],
  [229, 229, 16],
  [36, 114, 200],
  [188, 63, 188],
  [17, 168, 205],
  [204, 204, 204],
  [102, 102, 102],
];

function nearest(r: number, g: number, b: number): number {
  let best = 0;
  let least = Infinity;
  palette.forEach(([pr, pg, pb], index) => {
    const distance = (pr - r) ** 2 + (pg - g) ** 2 + (pb - b) ** 2;
    if (distance < least) {
      least = distance;
      best = index;
    }
  });
  return best;
}

/** The line as a terminal would hold it: writing after a carriage return replaces what stood there. */
class LineCells {
  style: AnsiStyle;
  href: string | null;
  column = 0;
  #runs: LogPiece[] = [];
  #length = 0;
  /** Single characters, made only when something is written over. */
  #cells: LogPiece[] | undefined;

  constructor(before: AnsiState) {
    this.style = before.style;
    this.href = before.href;
  }

  write(text: string): void {
    if (this.#cells === undefined && this.column === this.#length) {
      this.#runs.push({ text, style: this.style, href: this.href });
      this.#length += text.length;
      this.column = this.#length;
      return;
    }
    const cells = this.#asCells();
    for (let index = 0; index < text.length; index += 1) {
      while (cells.length < this.column) cells.push({ text: ' ', style: plain, href: null });
      cells[this.column] = { text: text[index] ?? '', style: this.style, href: this.href };
      this.column += 1;
    }
    this.#length = cells.length;
  }

  erase(mode: string): void {
    const cells = this.#asCells();
    if (mode === '2') cells.length = 0;
    else if (mode === '1')
      for (let at = 0; at < Math.min(this.column + 1, cells.length); at += 1)
        cells[at] = { text: ' ', style: plain, href: null };
    else cells.length = Math.min(cells.length, this.column);
    this.#length = cells.length;
  }

  #asCells(): LogPiece[] {
    this.#cells ??= this.#runs.flatMap(({ text, style, href }) =>
      text.split('').map((char) => ({ text: char, style, href })),
    );
    return this.#cells;
  }

  pieces(): LogPiece[] {
    const parts = this.#cells ?? this.#runs;
    const joined: LogPiece[] = [];
    for (const part of parts) {
      const last = joined.at(-1);
      if (last !== undefined && last.style === part.style && last.href === part.href) last.text += part.text;
      else joined.push({ ...part });
    }
    return joined;
  }
}
