/** Where a value of the file stands. The tree of places has the shape of the tree of values. */
export interface Place {
  /** Offset of the key, when the value belongs to a mapping. */
  readonly keyOffset?: number;
  readonly offset: number;
  readonly end: number;
  /** Text of a plain or quoted scalar as the author wrote it, e.g. `1.10`. */
  readonly source?: string;
  readonly children: Map<string, Place>;
}

export type PathPart = string | number;

/** The place at `path`, or the nearest place above it that exists. */
export function placeAt(root: Place, path: readonly PathPart[]): Place {
  let place = root;
  for (const part of path) {
    const next = place.children.get(String(part));
    if (next === undefined) return place;
    place = next;
  }
  return place;
}

/** `test.jobs.acceptance.steps[0].run`; a key that is not a plain word is quoted and cut. */
export function showPath(path: readonly PathPart[]): string {
  let shown = '';
  for (const part of path) {
    if (typeof part === 'number') shown += `[${part}]`;
    else shown += (shown === '' ? '' : '.') + (/^[\w-]{1,80}$/.test(part) ? part : quote(part));
  }
  return shown;
}

/** The author's text inside a message: on one line, without control characters, at most 60 characters. */
export function quote(text: string): string {
  const short = text.length > 60 ? `${text.slice(0, 59)}…` : text;
  // JSON leaves C1 controls and the bidirectional overrides as they are; both can make a message show something else.
  return JSON.stringify(short.toWellFormed()).replace(
    /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
