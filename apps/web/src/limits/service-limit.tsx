import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '../api/contract-client.ts';
import { queries } from '../api/queries.ts';
import type { ServiceDetail } from '../api/shapes.ts';
import { useMay } from '../identity/use-role.ts';
import { useWriteBlock } from '../live/use-live.ts';
import { LimitDialog, limitWords } from './limit-dialog.tsx';

/** One line about the service's own limit, where there is one, and for the admins of its team, who set it. */
export function ServiceLimit({ detail }: { detail: ServiceDetail }) {
  const limits = useQuery(queries.limits(detail.team));
  const isAdmin = useMay(detail.team, 'admin');
  const [open, setOpen] = useState(false);
  const blocked = useWriteBlock();
  if (limits.data === undefined) return null;
  const most = limits.data.services[detail.slug] ?? null;
  if (most === null && !isAdmin) return null;
  return (
    <p className="mt-2 flex flex-wrap items-center gap-x-2 gap-y-1 text-text-2">
      <span>Running jobs of the service: {limitWords(most)}.</span>
      {isAdmin && (
        <button
          type="button"
          className="btn btn-small"
          disabled={blocked !== null}
          title={blocked ?? undefined}
          onClick={() => setOpen(true)}
        >
          {most === null ? 'Set a limit' : 'Change the limit'}
        </button>
      )}
      {open && (
        <LimitDialog
          of={detail.slug}
          most={most}
          save={(runningJobs) => api.catalog.putServiceLimit({ team: detail.team, service: detail.slug, runningJobs })}
          onClose={() => setOpen(false)}
        />
      )}
    </p>
  );
}
