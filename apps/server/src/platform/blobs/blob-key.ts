/** Segments of letters, digits, `.`, `_` and `-` that begin with a letter or digit: no `..`, nothing hidden, nothing to escape in a URL. */
const KEY = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}(\/[A-Za-z0-9][A-Za-z0-9._-]{0,127}){0,7}$/;

/** Throws TypeError: a bad key is a mistake in our own code. Returns the key. */
export function requireBlobKey(key: string): string {
  if (KEY.test(key)) return key;
  throw new TypeError(
    `The blob key ${JSON.stringify(key)} is not allowed: write up to 8 parts of letters, digits, ".", "_" and "-" with "/" between.`,
  );
}

/** Throws RangeError unless 0 <= from <= to, both whole numbers. */
export function requireBlobRange(range: { readonly from: number; readonly to: number }): void {
  const { from, to } = range;
  if (Number.isSafeInteger(from) && Number.isSafeInteger(to) && from >= 0 && from <= to) return;
  throw new RangeError(`The byte range [${from}, ${to}) is not allowed: write whole numbers with 0 <= from <= to.`);
}
