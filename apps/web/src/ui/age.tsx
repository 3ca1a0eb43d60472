import { serverNow, useNow } from '../api/server-clock.ts';
import { age, ago, exactTime } from './wording.ts';

/** Minutes are the finest step, so the shared clock re-renders it only when its text changes. */
export function Age({ at, words = false }: { at: string; words?: boolean }) {
  useNow();
  const now = serverNow();
  return (
    <time dateTime={at} title={exactTime(at)}>
      {words ? ago(at, now) : age(at, now)}
    </time>
  );
}
