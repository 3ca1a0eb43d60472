export const MIN_DURATION_SECONDS = 1;
export const MAX_DURATION_SECONDS = 24 * 60 * 60;

/** Hours, minutes and seconds in this order, each optional, at least one present. */
export const DURATION_PATTERN = /^(?=\d)(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?$/;

/** Seconds of `90s`, `20m`, `1h30m` or a whole number of seconds; undefined when it is none of them or out of bounds. */
export function parseDuration(value: string | number): number | undefined {
  const seconds = typeof value === 'number' ? value : secondsOf(value);
  if (seconds === undefined || !Number.isInteger(seconds)) return undefined;
  return seconds >= MIN_DURATION_SECONDS && seconds <= MAX_DURATION_SECONDS ? seconds : undefined;
}

function secondsOf(text: string): number | undefined {
  const parts = DURATION_PATTERN.exec(text);
  if (parts === null) return undefined;
  return Number(parts[1] ?? 0) * 3600 + Number(parts[2] ?? 0) * 60 + Number(parts[3] ?? 0);
}
