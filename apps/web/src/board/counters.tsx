import { Link } from '@tanstack/react-router';
import { statusLook, type AnyStatus } from '../ui/status.ts';
import { TriangleAlert } from 'lucide-react';
import type { BoardStatus } from './board-rows.ts';

const counters: { state: BoardStatus; status: AnyStatus; word: string }[] = [
  { state: 'running', status: 'running', word: 'running' },
  { state: 'failing', status: 'failed', word: 'failing' },
  { state: 'approval', status: 'gate', word: 'need approval' },
  { state: 'waiting', status: 'waiting', word: 'waiting' },
  { state: 'warning', status: 'unknown', word: 'rolled back or unknown' },
];

/** Each number is a filter; choosing it again takes the filter away. */
export function Counters({
  total,
  counts,
  chosen,
}: {
  total: number;
  counts: Record<BoardStatus, number>;
  chosen: BoardStatus | undefined;
}) {
  return (
    <ul className="flex flex-wrap items-center gap-x-1 gap-y-1 tnum max-md:-mx-2 max-md:flex-nowrap max-md:overflow-x-auto">
      <li className="px-2 text-text-2 whitespace-nowrap">
        <strong className="font-semibold text-text">{total}</strong> {total === 1 ? 'service' : 'services'}
      </li>
      {counters.map(({ state, status, word }) => {
        const { tone, icon } = statusLook(status);
        const Icon = state === 'warning' ? TriangleAlert : icon;
        const on = chosen === state;
        if (counts[state] === 0 && !on) return null;
        return (
          <li key={state}>
            <Link
              to="/board"
              search={(previous) => ({ ...previous, status: on ? undefined : state })}
              replace
              aria-current={on ? 'true' : undefined}
              activeProps={{}}
              className={`tone-${tone} inline-flex items-center gap-1.5 rounded-control px-2 py-1 whitespace-nowrap text-text-2 hover:bg-sunken ${on ? 'bg-(--tone-tint)' : ''}`}
            >
              <Icon size={14} className="text-(--tone)" aria-hidden="true" />
              <strong className="font-semibold text-text">{counts[state]}</strong> {word}
            </Link>
          </li>
        );
      })}
    </ul>
  );
}
