/** Addresses are typed by people and other programs: what can't be read is left out, never an error. */
export type SearchInput = Record<string, unknown>;

export function text(value: unknown): string | undefined {
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' && value !== '' && value.length <= 2000 ? value : undefined;
}

export function choice<const T extends string>(value: unknown, allowed: readonly T[]): T | undefined {
  return allowed.find((each) => each === value);
}

export function digits(value: unknown): number | undefined {
  const number = Number(value);
  return Number.isInteger(number) && number >= 0 && value !== '' && value !== null ? number : undefined;
}

export function flag(value: unknown): true | undefined {
  return value === true || value === 'true' || value === 1 || value === '1' ? true : undefined;
}

/** `601` or `601-604`, first before last. */
export function lineRange(value: unknown): string | undefined {
  const match = /^([1-9]\d{0,9})(?:-([1-9]\d{0,9}))?$/.exec(String(value));
  if (match === null) return undefined;
  const [, first = '', last] = match;
  return last === undefined || Number(last) === Number(first)
    ? first
    : `${Math.min(+first, +last)}-${Math.max(+first, +last)}`;
}
