// Branch and path patterns. `*` is any run of characters without `/`, `?` one character without `/`, `**` any run of
// characters; `**/` at the start of a segment also matches no folder at all, and a pattern that ends in `/` means
// everything below it. There is no other syntax, so a match costs at most pattern length x text length and never more.

export const MAX_PATTERN_LENGTH = 256;
export const MAX_PATTERN_WILDCARDS = 16;

type Token =
  | { readonly kind: 'char'; readonly char: string }
  | { readonly kind: 'one' }
  | { readonly kind: 'segment' }
  | { readonly kind: 'any' }
  // The entry of `**/`: it may be left at once.
  | { readonly kind: 'folders' }
  // Inside the folders of `**/`: left only behind a `/`.
  | { readonly kind: 'folders-rest' };

interface Matcher {
  readonly prefix: string;
  readonly tokens: readonly Token[];
}

/** Why a pattern is refused, with the remedy; undefined for a good one. */
export function patternProblem(pattern: string): string | undefined {
  if (pattern === '') return 'it is empty; write `**` for everything';
  if (pattern.length > MAX_PATTERN_LENGTH)
    return `it has more than ${MAX_PATTERN_LENGTH} characters; write several shorter patterns`;
  if (pattern.startsWith('!')) return 'exclusion with `!` does not exist; list what is wanted';
  const foreign = /[{}[\]\\|^$]/.exec(pattern)?.[0];
  if (foreign !== undefined) {
    return `\`${foreign}\` has no meaning in patterns; write one pattern for each alternative, or \`?\` for that character`;
  }
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(pattern)) return 'it holds a control character';
  const wildcards = pattern.match(/\*+|\?/g)?.length ?? 0;
  if (wildcards > MAX_PATTERN_WILDCARDS)
    return `it has more than ${MAX_PATTERN_WILDCARDS} wildcards; write several simpler patterns`;
  if (pattern.includes('***')) return '`***` has no meaning; write `**`';
  return undefined;
}

/** Whether the whole text matches; a pattern that {@link patternProblem} refuses matches nothing. */
export function matchesPattern(pattern: string, text: string): boolean {
  return patternProblem(pattern) === undefined && matches(compile(pattern), text);
}

/** Whether any of the paths matches any of the globs. */
export function matchesAnyPath(globs: readonly string[], paths: readonly string[]): boolean {
  const matchers = globs.filter((glob) => patternProblem(glob) === undefined).map(compile);
  return paths.some((path) => matchers.some((matcher) => matches(matcher, path)));
}

function compile(pattern: string): Matcher {
  const plain = pattern.startsWith('./') ? pattern.slice(2) : pattern;
  const whole = plain.endsWith('/') ? `${plain}**` : plain;
  const firstWildcard = whole.search(/[*?]/);
  const prefix = firstWildcard === -1 ? whole : whole.slice(0, firstWildcard);
  const tokens: Token[] = [];
  for (let i = prefix.length; i < whole.length;) {
    const atSegmentStart = i === 0 || whole[i - 1] === '/';
    if (atSegmentStart && whole.startsWith('**/', i)) {
      tokens.push({ kind: 'folders' }, { kind: 'folders-rest' });
      i += 3;
    } else if (whole.startsWith('**', i)) {
      tokens.push({ kind: 'any' });
      i += 2;
    } else {
      const char = String.fromCodePoint(whole.codePointAt(i) ?? 0);
      tokens.push(char === '*' ? { kind: 'segment' } : char === '?' ? { kind: 'one' } : { kind: 'char', char });
      i += char.length;
    }
  }
  return { prefix, tokens };
}

/** Walks the text once with the set of tokens that could come next: no backtracking, so no blow-up. */
function matches({ prefix, tokens }: Matcher, text: string): boolean {
  if (!text.startsWith(prefix)) return false;
  const entered = new Int32Array(tokens.length + 1).fill(-1);
  let open: number[] = [];
  const enter = (token: number, at: number, into: number[]): void => {
    for (let next = token; next <= tokens.length; next++) {
      if (entered[next] === at) return;
      entered[next] = at;
      into.push(next);
      const kind = tokens[next]?.kind;
      if (kind === 'folders') enter(next + 2, at, into);
      else if (kind !== 'segment' && kind !== 'any') return;
    }
  };
  enter(0, 0, open);
  let at = 0;
  for (const char of text.slice(prefix.length)) {
    at++;
    const following: number[] = [];
    for (const index of open) {
      const token = tokens[index];
      if (token === undefined) continue;
      if (token.kind === 'char') {
        if (token.char === char) enter(index + 1, at, following);
      } else if (token.kind === 'one') {
        if (char !== '/') enter(index + 1, at, following);
      } else if (token.kind === 'any') {
        enter(index, at, following);
      } else if (token.kind === 'segment') {
        if (char !== '/') enter(index, at, following);
      } else if (token.kind === 'folders-rest') {
        enter(index, at, following);
        if (char === '/') enter(index + 1, at, following);
      }
    }
    if (following.length === 0) return false;
    open = following;
  }
  return open.includes(tokens.length);
}
