import { useMutation, useQueryClient } from '@tanstack/react-query';
import { X } from 'lucide-react';
import { useId, useState } from 'react';
import { api } from '../api/contract-client.ts';
import { queries } from '../api/queries.ts';
import type { Person } from '../api/shapes.ts';
import { ConfirmDialog } from '../ui/confirm-dialog.tsx';
import { Select } from '../ui/select.tsx';
import { TextField } from '../ui/text-field.tsx';

type Identity = Person['identities'][number];

const KINDS = { login: 'Login at a forge', email: 'Address in commits' } as const;

/** Who a forge or a commit means: gates ask this when they say whose own change it is. */
export function PersonIdentities({ person, onClose }: { person: Person; onClose: () => void }) {
  const client = useQueryClient();
  const id = useId();
  const own = person.identities.filter((identity) => isOwnAddress(person, identity));
  const [linked, setLinked] = useState(person.identities.filter((identity) => !isOwnAddress(person, identity)));
  const [kind, setKind] = useState<Identity['kind']>('login');
  const [value, setValue] = useState('');
  // What was typed and not yet added is meant too.
  const wanted = value.trim() === '' ? linked : [...linked, { kind, value: value.trim() }];
  const set = useMutation({
    mutationFn: () => api.identity.setIdentities({ userId: person.userId, identities: wanted }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: queries.people().queryKey });
      onClose();
    },
  });
  return (
    <ConfirmDialog
      open
      onClose={onClose}
      title={`Identities of ${person.name}`}
      description="Logins at forges and addresses in commits. Gates look them up at each decision: nobody approves what they pushed themselves, and a pusher who is linked to nobody costs one approval more. The change is in the audit log."
      confirm="Save"
      keep="Leave it"
      pending={set.isPending}
      error={set.error}
      doing="link the identities"
      onConfirm={() => set.mutate()}
    >
      <ul className="mt-3 rounded-control border border-line" aria-label="Linked">
        {[...own, ...linked].map((identity) => (
          <li
            key={`${identity.kind} ${identity.value}`}
            className="flex min-h-9 items-center gap-3 border-b border-line py-1 pr-2 pl-3 last:border-0 max-md:min-h-11"
          >
            <span className="min-w-0 flex-1 wrap-anywhere">{identity.value}</span>
            <span className="pr-1 text-sub text-text-2">
              {own.includes(identity) ? 'their own address' : identity.kind}
            </span>
            {!own.includes(identity) && (
              <button
                type="button"
                className="grid size-7 flex-none place-items-center rounded-control text-text-2 hover:bg-sunken max-md:size-11"
                aria-label={`Unlink ${identity.value}`}
                onClick={() => setLinked((before) => before.filter((other) => other !== identity))}
              >
                <X size={14} aria-hidden="true" />
              </button>
            )}
          </li>
        ))}
      </ul>
      <div className="mt-3 flex items-end gap-2 max-md:flex-wrap">
        <div className="max-md:w-full">
          <label htmlFor={`${id}-kind`} className="mb-1 block font-medium">
            Kind
          </label>
          <Select
            id={`${id}-kind`}
            label="Kind"
            className="select-field w-full"
            value={kind}
            onChange={(chosen) => setKind(chosen as Identity['kind'])}
          >
            {Object.entries(KINDS).map(([one, word]) => (
              <option key={one} value={one}>
                {word}
              </option>
            ))}
          </Select>
        </div>
        <TextField
          className="min-w-0 flex-1"
          id={`${id}-value`}
          label={KINDS[kind]}
          type={kind === 'email' ? 'email' : 'text'}
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          maxLength={254}
          value={value}
          onValue={setValue}
        />
        <button
          type="button"
          className="btn h-[34px]! max-md:h-11!"
          disabled={value.trim() === '' || wanted.length > 50}
          onClick={() => {
            setLinked(wanted);
            setValue('');
          }}
        >
          Add
        </button>
      </div>
    </ConfirmDialog>
  );
}

/** It is one of the identities from the beginning, and stays. */
export function isOwnAddress(person: Person, { kind, value }: Identity): boolean {
  return kind === 'email' && value.toLowerCase() === person.email.toLowerCase();
}
