import { useMutation } from '@tanstack/react-query';
import { CircleDot } from 'lucide-react';
import { Fragment, useState } from 'react';
import { api } from '../api/contract-client.ts';
import { problemSentence } from '../api/problem.ts';
import type { Repository } from '../api/shapes.ts';
import { useMay } from '../identity/use-role.ts';
import { StatusIcon } from '../ui/status-icon.tsx';
import { ConfirmDialog } from '../ui/confirm-dialog.tsx';
import { CopyText } from '../ui/copy-text.tsx';
import { ErrorBar } from '../ui/notice.tsx';
import { clockTime, count, shortRef } from '../ui/wording.ts';
import { forges } from './forges.ts';

/** Exactly what the git host asks for, each with a copy button. */
export function HookSettings(props: { repository: Repository; secret: string | null }) {
  const { repository } = props;
  const forge = forges[repository.kind];
  const [renewed, setRenewed] = useState<string | null>(null);
  const secret = renewed ?? props.secret;
  const mayRenew = useMay(repository.team, 'admin');
  return (
    <>
      <p className="text-text-2">{forge.place}</p>
      <dl className="mt-2 grid grid-cols-[auto_minmax(0,1fr)] items-center gap-x-4 gap-y-1 max-md:grid-cols-[minmax(0,1fr)]">
        <dt className="text-text-2">{forge.address}</dt>
        <dd>
          <CopyText value={window.location.origin + repository.hookPath} label="hook address" />
        </dd>
        <dt className="text-text-2">{forge.secret}</dt>
        <dd>
          {secret === null ? (
            <span className="flex flex-wrap items-center gap-x-2 gap-y-1 text-text-2">
              was shown once, when it was made
              {mayRenew && <RenewSecret repository={repository} onRenewed={setRenewed} />}
            </span>
          ) : (
            <CopyText value={secret} label="hook secret" />
          )}
        </dd>
        {forge.choices.map(([field, value]) => (
          <Fragment key={field}>
            <dt className="text-text-2">{field}</dt>
            <dd>{value}</dd>
          </Fragment>
        ))}
      </dl>
      {secret !== null && (
        <p className="mt-1 text-sub text-warning">The secret is not shown again after this page is closed.</p>
      )}
    </>
  );
}

/** For a secret that was lost, or seen by somebody. */
function RenewSecret(props: { repository: Repository; onRenewed: (secret: string) => void }) {
  const { team, id: repositoryId } = props.repository;
  const [open, setOpen] = useState(false);
  const renew = useMutation({
    mutationFn: () => api.catalog.renewHookSecret({ team, repositoryId }),
    onSuccess: ({ hookSecret }) => {
      setOpen(false);
      props.onRenewed(hookSecret);
    },
  });
  return (
    <>
      <button type="button" className="btn btn-small" onClick={() => setOpen(true)}>
        Make a new one
      </button>
      <ConfirmDialog
        open={open}
        onClose={() => setOpen(false)}
        title="Make a new hook secret"
        description="The old one ends at once: pushes that the git host signs with it are refused until the new one is set there. The new one is shown once."
        confirm="Make a new one"
        keep="Keep the old one"
        danger
        pending={renew.isPending}
        error={renew.error}
        doing="make a new hook secret"
        onConfirm={() => renew.mutate()}
      />
    </>
  );
}

/** Listens live: what came, when, and whether it was taken. */
export function FirstDelivery({ repository }: { repository: Repository }) {
  const { lastDelivery } = repository;
  const mayLook = useMay(repository.team, 'developer');
  return (
    <>
      <LastDelivery lastDelivery={lastDelivery} />
      {mayLook && <LookForPushes repository={repository} />}
    </>
  );
}

function LastDelivery({ lastDelivery }: Pick<Repository, 'lastDelivery'>) {
  return (
    <p role="status" className="mt-3 flex items-center gap-2">
      {lastDelivery === null ? (
        <>
          <CircleDot size={15} className="text-running" aria-hidden="true" />
          Listening for the first delivery: push a commit, or use the git host's test button.
        </>
      ) : (
        <>
          <StatusIcon status={lastDelivery.failed ? 'failed' : 'passed'} size={15} />
          Last delivery at {clockTime(lastDelivery.at)}: {lastDelivery.outcome}
        </>
      )}
    </p>
  );
}

/** For a push that is missed: the branches are looked at every few minutes anyhow, and at once for who does not want to wait. */
function LookForPushes({ repository }: { repository: Repository }) {
  const look = useMutation({
    mutationFn: () => api.catalog.lookAtRepository({ team: repository.team, repositoryId: repository.id }),
  });
  return (
    <div className="mt-2">
      <button type="button" className="btn btn-small" disabled={look.isPending} onClick={() => look.mutate()}>
        Look for pushes now
      </button>
      {look.isSuccess && (
        <p role="status" className="mt-1 text-text-2">
          {look.data.found.length === 0
            ? 'No branch has a push that was not announced.'
            : `Found ${count(look.data.found.length)}: ${look.data.found.map(({ ref }) => shortRef(ref)).join(', ')}. Runs are being planned.`}
        </p>
      )}
      {look.isError && <ErrorBar>{problemSentence(look.error, 'look for pushes')}</ErrorBar>}
    </div>
  );
}
