export type TextPart = { kind: 'text'; text: string } | { kind: 'invisible'; code: string; name: string };

// Soft hyphen, Arabic letter mark, zero width, direction marks and overrides, isolates, invisible operators,
// variation selectors' supplement, tags, interlinear marks, line and paragraph separators, Hangul fillers, C0 and C1.
const INVISIBLE =
  // eslint-disable-next-line no-control-regex, no-misleading-character-class -- each of these stands for itself
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb]|[\u{e0000}-\u{e0fff}]/gu;

const NAMES: Record<string, string> = {
  '200B': 'zero width space',
  '200C': 'zero width non-joiner',
  '200D': 'zero width joiner',
  '200E': 'left-to-right mark',
  '200F': 'right-to-left mark',
  '202A': 'left-to-right embedding',
  '202B': 'right-to-left embedding',
  '202C': 'pop directional formatting',
  '202D': 'left-to-right override',
  '202E': 'right-to-left override',
  '2066': 'left-to-right isolate',
  '2067': 'right-to-left isolate',
  '2068': 'first strong isolate',
  '2069': 'pop directional isolate',
  '2060': 'word joiner',
  FEFF: 'byte order mark',
  '00AD': 'soft hyphen',
};

/** Cuts a text at characters that nobody can see but that change what others see. One pass, linear. */
export function splitInvisible(text: string): TextPart[] {
  const parts: TextPart[] = [];
  let from = 0;
  for (const match of text.matchAll(INVISIBLE)) {
    // A joiner between two emoji makes one picture; alone or between letters it hides something.
    if (match[0] === '\u200d' && isPictureJoin(text, match.index)) continue;
    if (match.index > from) parts.push({ kind: 'text', text: text.slice(from, match.index) });
    const hex = (match[0].codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
    parts.push({ kind: 'invisible', code: `U+${hex}`, name: NAMES[hex] ?? 'invisible character' });
    from = match.index + match[0].length;
  }
  if (from < text.length || parts.length === 0) parts.push({ kind: 'text', text: text.slice(from) });
  return parts;
}

function isPictureJoin(text: string, at: number): boolean {
  const before = text.slice(Math.max(0, at - 3), at);
  const after = text.slice(at + 1, at + 3);
  return (
    /\p{Extended_Pictographic}(\ufe0f|[\u{1f3fb}-\u{1f3ff}])?$/u.test(before) &&
    /^\p{Extended_Pictographic}/u.test(after)
  );
}
