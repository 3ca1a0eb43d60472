import { useState } from 'react';
import type { RunDetail, ServiceDetail } from '../api/shapes.ts';
import { useMay } from '../identity/use-role.ts';
import { Age } from '../ui/age.tsx';
import { UntrustedText } from '../ui/untrusted-text.tsx';
import { FORGES, StatusSettings } from './status-settings.tsx';

type CommitStatus = NonNullable<RunDetail['commitStatus']>;

/** One line: what the forge was told last, and why it does not know the newest. */
export function StatusSent({ status }: { status: CommitStatus }) {
  return (
    <>
      {status.state === null ? 'nothing told yet' : `last told ${status.state}`}
      {status.sentAt !== null && (
        <>
          {' '}
          <Age at={status.sentAt} words />
        </>
      )}
      {status.error !== null && (
        <span className="text-failed">
          {status.givenUpAt === null ? ', being tried again: ' : ', given up: '}
          <UntrustedText text={status.error} />
        </span>
      )}
    </>
  );
}

/** Where statuses of the service's commits go; admins of the team change it. */
export function ForgeStatuses({ detail }: { detail: ServiceDetail }) {
  const [open, setOpen] = useState(false);
  const { id, statuses } = detail.repository;
  const isAdmin = useMay(detail.team, 'admin');
  if (id === undefined || (statuses === undefined && !isAdmin)) return null;
  return (
    <p className="mt-2 flex flex-wrap items-center gap-x-2 gap-y-1 text-text-2">
      {statuses === undefined ? (
        'Runs are reported to no forge.'
      ) : (
        <span>
          Runs are reported to {FORGES[statuses.forge]}
          {statuses.app !== undefined && (
            <>
              {' '}
              as checks of the App <span className="mono">{statuses.app.id}</span>
            </>
          )}
          {statuses.last !== null && (
            <>
              , <StatusSent status={statuses.last} />
            </>
          )}
        </span>
      )}
      {isAdmin && (
        <button type="button" className="btn btn-small" onClick={() => setOpen(true)}>
          {statuses === undefined ? 'Report runs' : 'Change'}
        </button>
      )}
      {isAdmin && <StatusSettings detail={detail} repositoryId={id} open={open} onClose={() => setOpen(false)} />}
    </p>
  );
}
