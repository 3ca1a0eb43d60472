import { useInfiniteQuery, useMutation } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useId, useState } from 'react';
import { api } from '../api/contract-client.ts';
import { queries } from '../api/queries.ts';
import type { ServiceDetail } from '../api/shapes.ts';
import { ConfirmDialog } from '../ui/confirm-dialog.tsx';
import { Select } from '../ui/select.tsx';
import { TextField } from '../ui/text-field.tsx';
import { shortRef } from '../ui/wording.ts';

type Input = NonNullable<ServiceDetail['inputs']>[string];
type Chosen = string | number | boolean;

/** Starts a run of a branch. Only what was changed is sent: the definition on that branch has the defaults. */
export function RunNow({ detail, open, onClose }: { detail: ServiceDetail; open: boolean; onClose: () => void }) {
  const id = useId();
  const [branch, setBranch] = useState('');
  const branches = useKnownBranches(detail);
  const [chosen, setChosen] = useState<Readonly<Record<string, Chosen>>>({});
  const navigate = useNavigate();
  const start = useMutation({
    mutationFn: () => {
      const ref = branch.trim();
      return api.runs.startRun({ service: detail.slug, ...(ref === '' ? {} : { ref }), inputs: { ...chosen } });
    },
    onSuccess: ({ number }) =>
      void navigate({
        to: '/services/$service/runs/$number',
        params: { service: detail.slug, number: String(number) },
      }),
  });
  return (
    <ConfirmDialog
      open={open}
      onClose={onClose}
      title={`Run ${detail.slug} now?`}
      description={`A run starts from the newest commit of the branch, with the sluice.yaml that stands there.`}
      confirm="Run now"
      keep="Not now"
      pending={start.isPending}
      error={start.error}
      doing="start a run"
      onConfirm={() => start.mutate()}
    >
      <TextField
        className="mt-3"
        id={`${id}-branch`}
        label="Branch"
        mono
        list={`${id}-branches`}
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
        maxLength={500}
        placeholder={detail.repository.defaultBranch}
        value={branch}
        onValue={setBranch}
      />
      <datalist id={`${id}-branches`}>
        {branches.map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      {Object.entries(detail.inputs ?? {}).map(([name, input]) => (
        <InputField
          key={name}
          name={name}
          input={input}
          value={chosen[name] ?? input.default}
          onValue={(value) => setChosen((before) => ({ ...before, [name]: value }))}
        />
      ))}
    </ConfirmDialog>
  );
}

/** Those of which the service has run, the newest first; any other branch can be written. */
function useKnownBranches(detail: ServiceDetail): readonly string[] {
  const runs = useInfiniteQuery(queries.runs(detail.slug));
  const refs = runs.data?.pages.flatMap(({ items }) => items.map(({ ref }) => ref)) ?? [];
  const names = refs.filter((ref) => ref.startsWith('refs/heads/')).map(shortRef);
  return [...new Set([detail.repository.defaultBranch, ...names])];
}

function InputField(props: { name: string; input: Input; value: Chosen; onValue: (value: Chosen) => void }) {
  const { name, input, value, onValue } = props;
  const id = `input-${name}`;
  return (
    <div className="mt-3">
      {input.type === 'boolean' ? (
        <label className="flex items-center gap-2 font-medium">
          <input
            id={id}
            type="checkbox"
            className="size-4"
            checked={value === true}
            onChange={(event) => onValue(event.target.checked)}
          />
          {name}
        </label>
      ) : input.type === 'choice' ? (
        <>
          <label htmlFor={id} className="mb-1 block font-medium">
            {name}
          </label>
          <Select id={id} label={name} className="select-field w-full" value={String(value)} onChange={onValue}>
            {input.options.map((option) => (
              <option key={option} value={option}>
                {option}
              </option>
            ))}
          </Select>
        </>
      ) : (
        <TextField
          id={id}
          label={name}
          value={String(value)}
          {...(input.type === 'number' ? { type: 'number', step: 1, required: true } : { maxLength: 1000 })}
          onValue={(text) => onValue(input.type === 'number' && text !== '' ? Number(text) : text)}
        />
      )}
      {input.description !== undefined && <p className="mt-1 text-sub text-text-2">{input.description}</p>}
    </div>
  );
}
