import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '../api/contract-client.ts';
import { problemSentence } from '../api/problem.ts';
import { queries } from '../api/queries.ts';
import type { Pool, Runner } from '../api/shapes.ts';
import { CopyText } from '../ui/copy-text.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { ErrorBar } from '../ui/notice.tsx';
import { Select } from '../ui/select.tsx';
import { TextField } from '../ui/text-field.tsx';
import { clockTime } from '../ui/wording.ts';

/** A token for one runner and the exact command; listens until the runner is there. */
export function AddRunnerDialog(props: {
  open: boolean;
  onClose: () => void;
  /** Those that I may let runners into. */
  pools: readonly Pool[];
  mayMakePool: boolean;
  runners: readonly Runner[];
}) {
  return (
    <Dialog
      open={props.open}
      onOpenChange={(open) => !open && props.onClose()}
      title="Add a runner"
      description="A runner takes jobs of one pool. It connects to this server; nothing connects to it."
    >
      <AddRunner {...props} />
    </Dialog>
  );
}

const NEW = 'new';

function AddRunner({
  pools,
  mayMakePool,
  runners,
  onClose,
}: {
  pools: readonly Pool[];
  mayMakePool: boolean;
  runners: readonly Runner[];
  onClose: () => void;
}) {
  const client = useQueryClient();
  const [poolId, setPoolId] = useState(pools[0]?.id ?? NEW);
  const [name, setName] = useState('default');
  const [before] = useState(() => new Set(runners.map(({ id }) => id)));
  const make = useMutation({
    mutationFn: async () => {
      let id = poolId;
      if (id === NEW) {
        id = (await api.catalog.createPool({ name })).id;
        void client.invalidateQueries({ queryKey: queries.pools().queryKey });
      }
      return api.catalog.createRegistrationToken({ poolId: id });
    },
  });
  if (make.data !== undefined) {
    const command = `SLUICE_URL=${window.location.origin} SLUICE_REGISTRATION_TOKEN=${make.data.token} node apps/runner/dist/main.js`;
    const arrived = runners.find(({ id }) => !before.has(id));
    return (
      <div className="mt-4 flex flex-col gap-3">
        <p>Run this on the machine, in a checkout of Sluice that was built with npm run build:</p>
        <div className="rounded-control bg-sunken p-3">
          <CopyText value={command} label="command" className="w-full [&_code]:whitespace-normal [&_code]:break-all" />
        </div>
        <p className="text-text-2">
          The token works once, until {clockTime(make.data.expiresAt)}, and is not shown again.
        </p>
        <p role="status" className={arrived === undefined ? 'text-text-2' : 'font-medium text-passed'}>
          {arrived === undefined ? 'Waiting for the runner to connect.' : `${arrived.name} is connected.`}
        </p>
        <button type="button" className="btn btn-ink self-end max-md:self-stretch" onClick={onClose}>
          Done
        </button>
      </div>
    );
  }
  return (
    <form
      className="mt-4"
      onSubmit={(event) => {
        event.preventDefault();
        make.mutate();
      }}
    >
      <label htmlFor="pool" className="mb-1 block font-medium">
        Pool
      </label>
      <Select id="pool" label="Pool" className="select-field w-full" value={poolId} onChange={setPoolId}>
        {pools.map((pool) => (
          <option key={pool.id} value={pool.id}>
            {pool.name}
            {pool.trust === 'untrusted' ? ' (untrusted runs)' : ''}
          </option>
        ))}
        {mayMakePool && <option value={NEW}>New pool</option>}
      </Select>
      {poolId === NEW && (
        <TextField
          id="pool-name"
          label="Name of the new pool"
          className="mt-3"
          required
          pattern="[a-z0-9][a-z0-9_\-]{0,62}"
          title="a-z, 0-9, - and _"
          value={name}
          onValue={setName}
        />
      )}
      {make.isError && (
        <div className="mt-3">
          <ErrorBar>{problemSentence(make.error, 'make a token')}</ErrorBar>
        </div>
      )}
      <div className="mt-4 flex justify-end gap-2 max-md:flex-col-reverse">
        <button type="button" className="btn btn-quiet" onClick={onClose}>
          Not now
        </button>
        <button type="submit" className="btn btn-ink" disabled={make.isPending}>
          Make a token
        </button>
      </div>
    </form>
  );
}
