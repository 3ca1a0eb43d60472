import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useId, useState } from 'react';
import { api } from '../api/contract-client.ts';
import { queries } from '../api/queries.ts';
import type { RunDetail, ServiceDetail } from '../api/shapes.ts';
import { useRole } from '../identity/use-role.ts';
import { Age } from '../ui/age.tsx';
import { ConfirmDialog } from '../ui/confirm-dialog.tsx';
import { Select } from '../ui/select.tsx';
import { TextField } from '../ui/text-field.tsx';
import { UntrustedText } from '../ui/untrusted-text.tsx';

type CommitStatus = NonNullable<RunDetail['commitStatus']>;

const FORGES = { github: 'GitHub', gitlab: 'GitLab', gitea: 'Gitea', bitbucket: 'Bitbucket' } as const;
type Forge = keyof typeof FORGES;

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
  const isAdmin = useRole(detail.team) === 'admin';
  if (id === undefined || (statuses === undefined && !isAdmin)) return null;
  return (
    <p className="mt-2 flex flex-wrap items-center gap-x-2 gap-y-1 text-text-2">
      {statuses === undefined ? (
        'Runs are reported to no forge.'
      ) : (
        <span>
          Runs are reported to {FORGES[statuses.forge]}
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

function StatusSettings(props: { detail: ServiceDetail; repositoryId: string; open: boolean; onClose: () => void }) {
  const { detail, repositoryId, open, onClose } = props;
  const { statuses } = detail.repository;
  const client = useQueryClient();
  const fields = useId();
  const [forge, setForge] = useState<Forge | 'none'>(statuses?.forge ?? 'github');
  const [apiUrl, setApiUrl] = useState('');
  const [repository, setRepository] = useState('');
  const [token, setToken] = useState('');
  const save = useMutation({
    mutationFn: () =>
      api.catalog.setRepositoryStatuses({
        team: detail.team,
        repositoryId,
        statuses:
          forge === 'none'
            ? null
            : {
                forge,
                ...(apiUrl === '' ? {} : { apiUrl }),
                ...(repository === '' ? {} : { repository }),
                ...(token === '' ? {} : { token }),
              },
      }),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: queries.service(detail.slug).queryKey });
      onClose();
    },
  });
  return (
    <ConfirmDialog
      open={open}
      onClose={onClose}
      title="Report runs to the forge"
      description="Each run of each service of this repository becomes a status of its commit. What is left empty follows from the repository; a token stays secret."
      confirm="Save"
      keep="Leave it"
      pending={save.isPending}
      error={save.error}
      doing="change where runs are reported"
      onConfirm={() => save.mutate()}
    >
      <div className="mt-3 grid gap-3">
        <div>
          <label htmlFor={`${fields}-forge`} className="mb-1 block font-medium">
            Forge
          </label>
          <Select
            id={`${fields}-forge`}
            label="Forge"
            className="select-field w-full"
            value={forge}
            onChange={(value) => setForge(value as Forge | 'none')}
          >
            {Object.entries(FORGES).map(([value, name]) => (
              <option key={value} value={value}>
                {name}
              </option>
            ))}
            <option value="none">None: report to nobody</option>
          </Select>
        </div>
        {forge !== 'none' && (
          <>
            <TextField
              id={`${fields}-token`}
              label="Token that may write commit statuses"
              type="password"
              autoComplete="off"
              value={token}
              onValue={setToken}
            />
            <TextField
              id={`${fields}-repository`}
              label="Repository at the forge"
              mono
              placeholder={statuses?.repository ?? 'owner/name'}
              value={repository}
              onValue={setRepository}
            />
            <TextField
              id={`${fields}-api`}
              label="Address of its API"
              mono
              placeholder={statuses?.apiUrl ?? 'https://forge.example.com/api/v4'}
              value={apiUrl}
              onValue={setApiUrl}
            />
          </>
        )}
      </div>
    </ConfirmDialog>
  );
}
