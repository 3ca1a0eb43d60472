/** Numbers, times and short forms as section 10 of the UI specification words them. */

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** `0.4s`, `14s`, `1m 52s`, `2h 41m`, `3d 4h`. */
export function duration(ms: number): string {
  if (ms < 10 * SECOND) return `${Math.max(0, Math.floor(ms / 100) / 10)}s`;
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)}s`;
  if (ms < HOUR) {
    const seconds = Math.floor((ms % MINUTE) / SECOND);
    return seconds === 0 ? `${Math.floor(ms / MINUTE)}m` : `${Math.floor(ms / MINUTE)}m ${pad(seconds)}s`;
  }
  if (ms < DAY) return `${Math.floor(ms / HOUR)}h ${pad(Math.floor((ms % HOUR) / MINUTE))}m`;
  return `${Math.floor(ms / DAY)}d ${Math.floor((ms % DAY) / HOUR)}h`;
}

/** For what still runs: whole seconds, so that the last digit doesn't jump. */
export function elapsed(ms: number): string {
  const text = duration(Math.max(0, Math.floor(ms / SECOND) * SECOND));
  return /^\d+m$/.test(text) ? `${text} 00s` : text;
}

/** `210 ms` below a second, then like a duration. */
export function delay(ms: number): string {
  return ms < SECOND ? `${Math.max(0, Math.round(ms))} ms` : duration(ms);
}

/** `now`, `3 min`, `5 h`, `2 d`, after 7 days the date. */
export function age(at: string, now: number): string {
  const ms = now - Date.parse(at);
  if (ms < MINUTE) return 'now';
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min`;
  if (ms < DAY) return `${Math.floor(ms / HOUR)} h`;
  if (ms <= 7 * DAY) return `${Math.floor(ms / DAY)} d`;
  return new Intl.DateTimeFormat('en-GB', {
    day: 'numeric',
    month: 'short',
    ...(new Date(at).getFullYear() === new Date(now).getFullYear() ? {} : { year: 'numeric' }),
  }).format(new Date(at));
}

export function ago(at: string, now: number): string {
  const text = age(at, now);
  if (text === 'now') return 'just now';
  return /( min| h| d)$/.test(text) ? `${text} ago` : `on ${text}`;
}

export function clockTime(at: string | number): string {
  return new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' }).format(
    new Date(at),
  );
}

/** With zone, for titles and tooltips. */
export function exactTime(at: string): string {
  return new Intl.DateTimeFormat('en-GB', {
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    timeZoneName: 'short',
  }).format(new Date(at));
}

export function count(value: number): string {
  return new Intl.NumberFormat('en-GB').format(value);
}

export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** Binary units: `86 MiB`. */
export function size(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

export function shortSha(sha: string): string {
  return sha.slice(0, 7);
}

/** `sha256:d07f…13e8` */
export function shortDigest(digest: string): string {
  const [algorithm, hex = ''] = digest.split(':');
  return `${algorithm}:${hex.slice(0, 4)}…${hex.slice(-4)}`;
}

/** `refs/heads/main` is shown as `main`, a tag keeps its word. */
export function shortRef(ref: string): string {
  return ref
    .replace(/^refs\/heads\//, '')
    .replace(/^refs\/tags\//, 'tag ')
    .replace(/^refs\/(?:pull|merge-requests)\/(\d+)\/head$/, 'pull request $1');
}

export function firstLine(message: string): string {
  return message.split('\n', 1)[0] ?? '';
}

export function initials(name: string): string {
  const words = name
    .replace(/<[^>]*>/g, '')
    .trim()
    .split(/[\s._-]+/)
    .filter((word) => word !== '');
  const letters = words.length > 1 ? [words[0], words[words.length - 1]] : [words[0]];
  const text = letters.map((word) => Array.from(word ?? '?')[0]).join('');
  return (
    letters.length === 1
      ? Array.from(words[0] ?? '?')
          .slice(0, 2)
          .join('')
      : text
  ).toUpperCase();
}

function pad(value: number): string {
  return String(value).padStart(2, '0');
}
