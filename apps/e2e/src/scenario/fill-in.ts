/** Puts the scenario's own words in place of `{{key}}`; what it has no word for stays as it is. */
export function fillIn(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(/\{\{([a-z]+)\}\}/gi, (all, key: string) => values[key] ?? all);
}
