/** Settings hold names of secrets, not values; but people also write values into `env`, where these names give them away. */
const SECRET_NAME = /(pass(word|wd|phrase)?|secret|token|credential|private|api_?key|access_?key|auth)/i;
const URL_PASSWORD = /^([a-z][a-z0-9+.-]*:\/\/[^/?#:@\s]*):[^/?#@\s]+@/i;
const MASK = '***';

export interface AuditedSettings {
  readonly before: unknown;
  readonly after: unknown;
  /** Dotted paths of what differs, also where both sides are masked. */
  readonly changed: readonly string[];
}

/** What an environment was and became, for readers who may not know every value of it. */
export function settingsForAudit(before: unknown, after: unknown): AuditedSettings {
  return { before: masked(before), after: masked(after), changed: differing(before, after) };
}

function masked(value: unknown, key = '', inEnv = false): unknown {
  if (Array.isArray(value)) return value.map((part) => masked(part, key, inEnv));
  if (value !== null && typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, masked(part, name, key === 'env')]));
  if (typeof value !== 'string') return value;
  return inEnv && SECRET_NAME.test(key) ? MASK : value.replace(URL_PASSWORD, `$1:${MASK}@`);
}

function differing(before: unknown, after: unknown, path = ''): string[] {
  if (isObject(before) && isObject(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
    return keys.flatMap((key) => differing(before[key], after[key], path === '' ? key : `${path}.${key}`));
  }
  return sameValue(before, after) ? [] : [path];
}

function sameValue(one: unknown, other: unknown): boolean {
  if (Array.isArray(one) && Array.isArray(other))
    return one.length === other.length && one.every((part, at) => sameValue(part, other[at]));
  if (isObject(one) && isObject(other)) return differing(one, other).length === 0;
  return one === other;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
