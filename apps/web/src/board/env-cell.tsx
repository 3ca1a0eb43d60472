import { Link } from '@tanstack/react-router';
import { CornerDownRight } from 'lucide-react';
import type { LaneSummary } from '../api/shapes.ts';
import { Age } from '../ui/age.tsx';
import { StatusIcon } from '../ui/status-icon.tsx';
import { laneLook } from './lane-look.ts';

/** Plain while in step; tinted only while something moves or needs somebody. */
export function EnvCell({ lane, newest, column }: { lane: LaneSummary | undefined; newest: number; column?: number }) {
  const inGrid = column === undefined ? {} : { 'data-column': column, tabIndex: -1 };
  if (lane === undefined) {
    return (
      <span className="px-2 text-sub text-text-3" {...inGrid}>
        not released there
      </span>
    );
  }
  const look = laneLook(lane, newest);
  // At a gate the channel carries the call; the environment cell says what is still live.
  const tinted = look.tone !== 'none' && look.tone !== 'gate' && look.tone !== 'waiting';
  const content = (
    <>
      {look.icon === 'behind' || look.asksApproval ? (
        <CornerDownRight size={12} className="flex-none text-text-3" aria-hidden="true" />
      ) : (
        tinted && look.icon !== 'none' && <StatusIcon status={look.icon} size={13} />
      )}
      {look.number !== null && <span className="mono font-medium">#{look.number}</span>}
      <span className={`truncate text-sub ${tinted ? '' : 'text-text-3'}`}>
        {look.asksApproval ? 'behind' : look.words}
        {look.words === '' && look.since !== null && <Age at={look.since} />}
      </span>
      <span className="sr-only">, {lane.environment}</span>
    </>
  );
  const shape = `flex h-[26px] min-w-0 items-center gap-1.5 rounded-tag px-1.5 whitespace-nowrap ${tinted ? `tone-${look.tone} bg-(--tone-tint) text-(--tone)` : 'hover:bg-sunken'}`;
  if (look.deploymentId === null) {
    return (
      <span className={shape} {...inGrid}>
        {content}
      </span>
    );
  }
  return look.asksApproval ? (
    <Link to="/approvals/$id" params={{ id: look.deploymentId }} className={shape} {...inGrid}>
      {content}
    </Link>
  ) : (
    <Link to="/deployments/$id" params={{ id: look.deploymentId }} className={shape} {...inGrid}>
      {content}
    </Link>
  );
}
