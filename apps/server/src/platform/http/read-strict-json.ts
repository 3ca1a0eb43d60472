export type StrictJson =
  { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly problem: string };

/** Deeper than any request of ours; bounded because whatever walks the value later may recurse. */
const MAX_DEPTH = 64;
/** More than any request of ours holds: the largest is the report of a thousand steps. */
const MAX_KEYS = 50_000;
const BACKSLASH = 0x5c;

/**
 * Reads bytes as JSON that every reader understands the same way: UTF-8 without byte order mark, no key twice in one
 * object, no `__proto__`, bounded depth (A09). The depth is known before anything is built.
 */
export function readStrictJson(bytes: Uint8Array, maxKeys = MAX_KEYS): StrictJson {
  if (bytes.length === 0) return no('The body is empty; send JSON, or leave out the content type.');
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf)
    return no('The body begins with a byte order mark; send plain UTF-8.');
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return no('The body is not UTF-8.');
  }
  const problem = structureProblem(text, maxKeys);
  if (problem !== undefined) return no(problem);
  try {
    return { ok: true, value: JSON.parse(text) as unknown };
  } catch (error) {
    return no(notJson(error));
  }
}

/** Of the parser's words only the place: the rest repeats the body. */
function notJson(error: unknown): string {
  const [, line, column] = /line (\d+) column (\d+)/.exec((error as Error).message) ?? [];
  return line === undefined ? 'The body is not JSON.' : `The body is not JSON: look at line ${line}, column ${column}.`;
}

/** Walks brackets and strings only; what is no JSON at all is found by the parser afterwards. */
function structureProblem(text: string, maxKeys: number): string | undefined {
  const keys: (Set<string> | null)[] = [];
  let count = 0;
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at];
    if (char === '"') {
      const end = endOfString(text, at);
      if (end < 0) return 'The body is not JSON: a text in it has no end.';
      if (keys.length > 0 && isKey(text, end)) {
        count += 1;
        if (count > maxKeys) return `The body holds more than ${maxKeys} keys.`;
        const problem = keyProblem(keys.at(-1), text.slice(at, end));
        if (problem !== undefined) return problem;
      }
      at = end - 1;
    } else if (char === '{' || char === '[') {
      keys.push(char === '{' ? new Set() : null);
      if (keys.length > MAX_DEPTH) return `The body is nested deeper than ${MAX_DEPTH} levels.`;
    } else if (char === '}' || char === ']') keys.pop();
  }
  return undefined;
}

/** Position behind the closing quote, or -1. Long texts are skipped by search, not sign by sign. */
function endOfString(text: string, from: number): number {
  for (let quote = text.indexOf('"', from + 1); quote >= 0; quote = text.indexOf('"', quote + 1)) {
    let before = quote - 1;
    while (text.charCodeAt(before) === BACKSLASH) before -= 1;
    if ((quote - 1 - before) % 2 === 0) return quote + 1;
  }
  return -1;
}

function isKey(text: string, at: number): boolean {
  let next = at;
  while (next < text.length && ' \t\r\n'.includes(text[next]!)) next += 1;
  return text[next] === ':';
}

function keyProblem(known: Set<string> | null | undefined, quoted: string): string | undefined {
  let key: string;
  try {
    key = JSON.parse(quoted) as string;
  } catch {
    return 'The body is not JSON: a key in it cannot be read.';
  }
  if (key === '__proto__') return 'The body holds the key __proto__, which is refused.';
  if (known?.has(key)) return `The body holds the key ${shown(key)} twice in one object; send it once.`;
  known?.add(key);
  return undefined;
}

/** A key comes from outside and goes into a sentence: short, and without signs that could disturb it. */
function shown(key: string): string {
  return JSON.stringify(key.length > 60 ? `${key.slice(0, 60)}…` : key);
}

function no(problem: string): StrictJson {
  return { ok: false, problem };
}
