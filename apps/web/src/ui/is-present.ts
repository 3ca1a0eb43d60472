/** The API says null for "none"; a step of `?.` on the way there says undefined. */
export function isPresent<T>(value: T | null | undefined): value is T {
  return value !== null && value !== undefined;
}
