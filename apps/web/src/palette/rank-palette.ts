export interface PaletteEntry {
  key: string;
  name: string;
  hint?: string;
  /** What is searched when it is more than the name. */
  match?: string;
  onlyWhenTyped?: boolean;
}

/** Every word must be found: at a word's beginning before inside one before letters in order. Groups keep their order. */
export function rankPalette<T extends PaletteEntry & { group: string }>(entries: readonly T[], words: string): T[] {
  const wanted = words
    .toLowerCase()
    .replace(/#/g, ' ')
    .split(/\s+/)
    .filter((word) => word !== '');
  if (wanted.length === 0) return entries.filter((entry) => entry.onlyWhenTyped !== true);
  const scored = entries.flatMap((entry) => {
    const text = (entry.match ?? entry.name).toLowerCase();
    const scores = wanted.map((word) => score(text, word));
    return scores.includes(0) ? [] : [{ entry, score: scores.reduce((sum, value) => sum + value, 0) }];
  });
  const groups = [...new Set(entries.map(({ group }) => group))];
  const best = new Map(
    groups.map((group) => [
      group,
      Math.max(0, ...scored.filter(({ entry }) => entry.group === group).map((each) => each.score)),
    ]),
  );
  return scored
    .sort(
      (a, b) =>
        (best.get(b.entry.group) ?? 0) - (best.get(a.entry.group) ?? 0) ||
        groups.indexOf(a.entry.group) - groups.indexOf(b.entry.group) ||
        b.score - a.score,
    )
    .map(({ entry }) => entry);
}

function score(text: string, word: string): number {
  const at = text.indexOf(word);
  if (at === 0) return 4;
  if (at > 0) return /[^a-z0-9]/.test(text[at - 1] ?? '') ? 3 : 2;
  let from = 0;
  for (const letter of word) {
    from = text.indexOf(letter, from) + 1;
    if (from === 0) return 0;
  }
  return word.length < 3 ? 0 : 1;
}
