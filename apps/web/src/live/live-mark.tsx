import { CloudOff, Hourglass } from 'lucide-react';
import { clockTime } from '../ui/wording.ts';
import { useNow } from '../api/server-clock.ts';
import { useLiveState } from './use-live.ts';

export function LiveMark() {
  const state = useLiveState();
  const now = useNow(state.kind !== 'live');
  return (
    <span role="status" className="inline-flex items-center gap-2 text-body text-text-2 whitespace-nowrap">
      {state.kind === 'live' && (
        <>
          <span className="size-2 rounded-full bg-passed-solid ring-3 ring-passed-tint" aria-hidden="true" />
          Live
        </>
      )}
      {state.kind === 'catching-up' && (
        <>
          <Hourglass size={14} aria-hidden="true" />
          Catching up, {Math.max(0, Math.round((now - state.since) / 1000))} s behind
        </>
      )}
      {state.kind === 'offline' && (
        <>
          <CloudOff size={14} aria-hidden="true" />
          As of {clockTime(state.lastSeen)}, reconnecting
        </>
      )}
    </span>
  );
}
