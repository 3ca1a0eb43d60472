import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useId, useState } from 'react';
import { api } from '../api/contract-client.ts';
import { queries } from '../api/queries.ts';
import type { ServiceDetail } from '../api/shapes.ts';
import { ConfirmDialog } from '../ui/confirm-dialog.tsx';
import { Select } from '../ui/select.tsx';
import { TextArea } from '../ui/text-area.tsx';
import { TextField } from '../ui/text-field.tsx';

export const FORGES = { github: 'GitHub', gitlab: 'GitLab', gitea: 'Gitea', bitbucket: 'Bitbucket' } as const;
type Forge = keyof typeof FORGES;
/** `github-app`: GitHub again, told by checks of an App instead of by statuses. */
type Way = Forge | 'github-app' | 'none';

const WAYS: readonly (readonly [Way, string])[] = [
  ['github-app', 'GitHub: checks of an App'],
  ['github', 'GitHub: commit statuses'],
  ['gitlab', 'GitLab'],
  ['gitea', 'Gitea'],
  ['bitbucket', 'Bitbucket'],
  ['none', 'None: report to nobody'],
];

export function StatusSettings(props: {
  detail: ServiceDetail;
  repositoryId: string;
  open: boolean;
  onClose: () => void;
}) {
  const { detail, repositoryId, open, onClose } = props;
  const { statuses } = detail.repository;
  const client = useQueryClient();
  const fields = useId();
  const [way, setWay] = useState<Way>(statuses?.app === undefined ? (statuses?.forge ?? 'github') : 'github-app');
  const [apiUrl, setApiUrl] = useState('');
  const [repository, setRepository] = useState('');
  const [token, setToken] = useState('');
  const [appId, setAppId] = useState(statuses?.app?.id ?? '');
  const [installation, setInstallation] = useState(String(statuses?.app?.installationId ?? ''));
  const [privateKey, setPrivateKey] = useState('');
  const byApp = way === 'github-app';
  const secret = byApp
    ? {
        app: { id: appId.trim(), privateKey, ...(installation === '' ? {} : { installationId: Number(installation) }) },
      }
    : token === ''
      ? {}
      : { token };
  const save = useMutation({
    mutationFn: () =>
      api.catalog.setRepositoryStatuses({
        team: detail.team,
        repositoryId,
        statuses:
          way === 'none'
            ? null
            : {
                forge: byApp ? 'github' : way,
                ...(apiUrl === '' ? {} : { apiUrl }),
                ...(repository === '' ? {} : { repository }),
                ...secret,
              },
      }),
    onSuccess: () => {
      setToken('');
      setPrivateKey('');
      void client.invalidateQueries({ queryKey: queries.service(detail.slug).queryKey });
      onClose();
    },
  });
  return (
    <ConfirmDialog
      open={open}
      onClose={onClose}
      title="Report runs to the forge"
      description={`Each run of each service of this repository becomes a ${byApp ? 'check' : 'status'} of its commit. What is left empty follows from the repository; a ${byApp ? 'key' : 'token'} stays secret.`}
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
            value={way}
            onChange={(value) => setWay(value as Way)}
          >
            {WAYS.map(([value, name]) => (
              <option key={value} value={value}>
                {name}
              </option>
            ))}
          </Select>
        </div>
        {byApp && (
          <>
            <TextField
              id={`${fields}-app`}
              label="Id or client id of the App"
              mono
              required
              placeholder="Iv23li…"
              value={appId}
              onValue={setAppId}
            />
            <TextArea
              id={`${fields}-key`}
              label="Private key of the App"
              required
              rows={4}
              spellCheck={false}
              autoComplete="off"
              placeholder="-----BEGIN RSA PRIVATE KEY-----"
              value={privateKey}
              onValue={setPrivateKey}
            />
            <TextField
              id={`${fields}-installation`}
              label="Id of its installation, if GitHub is not to be asked"
              mono
              inputMode="numeric"
              pattern="[1-9][0-9]*"
              title="A number, as it stands at the end of the installation's address"
              value={installation}
              onValue={setInstallation}
            />
          </>
        )}
        {way !== 'none' && (
          <>
            {!byApp && (
              <TextField
                id={`${fields}-token`}
                label="Token that may write commit statuses"
                type="password"
                autoComplete="off"
                value={token}
                onValue={setToken}
              />
            )}
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
              placeholder={statuses?.apiUrl ?? (byApp ? 'https://api.github.com' : 'https://forge.example.com/api/v4')}
              value={apiUrl}
              onValue={setApiUrl}
            />
          </>
        )}
      </div>
    </ConfirmDialog>
  );
}
