export type StrictJson =
  { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly problem: string };

/** Deeper than any forge nests; bounded because whatever walks the value later may recurse. */
const MAX_DEPTH = 64;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Reads bytes as JSON that every reader understands the same way: UTF-8 without byte order mark, no key twice in one
 * object, no `__proto__`, bounded depth (A09). The depth is known before anything is built.
 */
export function readStrictJson(bytes: Uint8Array): StrictJson {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf)
    return no('The body begins with a byte order mark; send plain UTF-8.');
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return no('The body is not UTF-8.');
  }
  const problem = structureProblem(text);
  if (problem !== undefined) return no(problem);
  try {
    return { ok: true, value: JSON.parse(text) as unknown };
  } catch {
    return no('The body is not JSON.');
  }
}

/** Walks brackets and strings only; what is no JSON at all is found by the parser afterwards. */
function structureProblem(text: string): string | undefined {
  const keys: (Set<string> | null)[] = [];
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charCodeAt(at);
    if (char === QUOTE) {
      const end = endOfString(text, at);
      if (end < 0) return 'The body is not JSON.';
      const problem = keys.length > 0 && isKey(text, end) ? keyProblem(keys.at(-1), text.slice(at, end)) : undefined;
      if (problem !== undefined) return problem;
      at = end - 1;
    } else if (char === 0x7b || char === 0x5b) {
      keys.push(char === 0x7b ? new Set() : null);
      if (keys.length > MAX_DEPTH) return `The body is nested deeper than ${MAX_DEPTH} levels.`;
    } else if (char === 0x7d || char === 0x5d) keys.pop();
  }
  return undefined;
}

/** Position behind the closing quote, or -1. */
function endOfString(text: string, from: number): number {
  for (let at = from + 1; at < text.length; at += 1) {
    const char = text.charCodeAt(at);
    if (char === BACKSLASH) at += 1;
    else if (char === QUOTE) return at + 1;
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
    return 'The body is not JSON.';
  }
  if (key === '__proto__') return 'The body holds the key __proto__, which is refused.';
  if (known?.has(key)) return 'The body holds the same key twice in one object.';
  known?.add(key);
  return undefined;
}

function no(problem: string): StrictJson {
  return { ok: false, problem };
}
