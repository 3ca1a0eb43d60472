import { Cron } from 'croner';
import type { ScheduleSpec } from './definition.ts';

/** Five fields, as `crontab` has them; seconds and nicknames such as `@daily` are not read. */
const FIELD = /^[0-9A-Za-z*/,#?-]{1,100}$/;
export const MIN_SCHEDULE_MINUTES = 5;
/** An instant like any other: how often a schedule comes does not depend on when one asks. */
const SOME_DAY = new Date('2025-01-01T00:00:00Z');
/** Enough to see each distance that a day has between two ticks that are too close. */
const LOOKED_AT = 300;

/** Why the text is no schedule, as a part of a sentence. */
export function cronProblem(cron: string): string | undefined {
  const fields = cron.trim().split(/\s+/);
  if (fields.length !== 5 || !fields.every((field) => FIELD.test(field)))
    return 'it is not five fields: minute, hour, day of the month, month, day of the week';
  const ticks = ticksOf(cron);
  if (ticks === undefined) return 'a field holds a value that does not exist';
  if (ticks.length === 0) return 'it never comes';
  const closest = Math.min(...ticks.slice(1).map((tick, index) => tick.getTime() - ticks[index]!.getTime()));
  return closest < MIN_SCHEDULE_MINUTES * 60_000
    ? `it comes more often than every ${MIN_SCHEDULE_MINUTES} minutes`
    : undefined;
}

export function timezoneProblem(timezone: string): string | undefined {
  // Offsets are no zones: they know no summer time, and not every system takes them.
  if (!/^[A-Za-z][A-Za-z0-9_+/-]{0,63}$/.test(timezone)) return 'it is not the name of a time zone';
  try {
    new Intl.DateTimeFormat('en', { timeZone: timezone });
    return undefined;
  } catch {
    return 'there is no such time zone';
  }
}

/**
 * When a schedule comes next, strictly after this instant. An hour that summer time leaves out comes at its end; one that
 * happens twice comes once, unless the hours are `*`. Undefined = never again.
 */
export function nextTick({ cron, timezone }: Pick<ScheduleSpec, 'cron' | 'timezone'>, after: Date): Date | undefined {
  return read(cron, timezone).nextRun(after) ?? undefined;
}

function ticksOf(cron: string): Date[] | undefined {
  try {
    return read(cron, 'UTC').nextRuns(LOOKED_AT, SOME_DAY);
  } catch {
    return undefined;
  }
}

function read(cron: string, timezone: string): Cron {
  return new Cron(cron.trim(), { timezone, mode: '5-part', paused: true });
}
