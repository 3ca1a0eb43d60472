import { useEffect, useRef, useSyncExternalStore } from 'react';
import { useQueryClient, type QueryKey } from '@tanstack/react-query';
import type { LiveEvent } from '@sluice/protocol';
import { liveStream, type LiveState } from './live-stream.ts';

const READ_AGAIN_MS = 250;

/** Events say what changed, never the data: the named snapshots are read again, at most four times a second. */
export function useLive(topic: string | undefined, ...keys: QueryKey[]): void {
  const client = useQueryClient();
  const latest = useRef(keys);
  useEffect(() => {
    latest.current = keys;
  });
  useEffect(() => {
    if (topic === undefined) return undefined;
    let due: ReturnType<typeof setTimeout> | undefined;
    let reading = false;
    let missed = false;
    const readAgain = async (): Promise<void> => {
      due = undefined;
      if (document.hidden || reading) {
        missed = true;
        return;
      }
      reading = true;
      await Promise.allSettled(latest.current.map((queryKey) => client.invalidateQueries({ queryKey })));
      reading = false;
      // A change during the read may not be in its answer.
      if (missed && !document.hidden) again();
    };
    const again = (): void => {
      missed = false;
      due ??= setTimeout(() => void readAgain(), READ_AGAIN_MS);
    };
    // A hidden tab paints nothing; on return it reads one snapshot.
    const shown = (): void => {
      if (!document.hidden && missed) again();
    };
    document.addEventListener('visibilitychange', shown);
    const stop = liveStream.listen(topic, again);
    return () => {
      stop();
      clearTimeout(due);
      document.removeEventListener('visibilitychange', shown);
    };
  }, [client, topic]);
}

/** Events of one topic as they come, for readers that ask for bytes instead of snapshots. */
export function useLiveEvents(topic: string | undefined, onEvent: (event: LiveEvent) => void): void {
  const latest = useRef(onEvent);
  useEffect(() => {
    latest.current = onEvent;
  });
  useEffect(
    () => (topic === undefined ? undefined : liveStream.listen(topic, (event) => latest.current(event))),
    [topic],
  );
}

export function useLiveState(): LiveState {
  return useSyncExternalStore(liveStream.onState, () => liveStream.state);
}

/** Why nothing that changes a system can be done just now; null while the stream is there. */
export function useWriteBlock(): string | null {
  return useLiveState().kind === 'offline' ? 'No connection to the server. This works again once it is back.' : null;
}
