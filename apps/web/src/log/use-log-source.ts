import { useMemo, useSyncExternalStore } from 'react';
import { useLiveEvents } from '../live/use-live.ts';
import { LogSource } from './log-source.ts';

/** Bytes of one attempt's log, kept up to date by the live stream until it is sealed. */
export function useLogSource(attemptId: string): LogSource {
  const source = useMemo(() => new LogSource(attemptId), [attemptId]);
  useSyncExternalStore(source.subscribe, () => source.version);
  useLiveEvents(`log:${attemptId}`, () => {
    if (!source.sealed || !source.complete) source.poke();
  });
  return source;
}
