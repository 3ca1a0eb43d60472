import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useId, useState } from 'react';
import { ConfirmDialog } from '../ui/confirm-dialog.tsx';
import { TextField } from '../ui/text-field.tsx';
import { plural } from '../ui/wording.ts';

/** In words, for a line of text. */
export function limitWords(most: number | null): string {
  return most === null ? 'no limit' : `at most ${plural(most, 'job')} at once`;
}

/** An empty field means no limit; the server says what else it does not take. */
export function LimitDialog(props: {
  /** Of whom: `the team shop`. */
  of: string;
  most: number | null;
  save: (most: number | null) => Promise<unknown>;
  onClose: () => void;
}) {
  const id = useId();
  const [text, setText] = useState(props.most === null ? '' : String(props.most));
  const client = useQueryClient();
  const save = useMutation({
    mutationFn: () => props.save(text.trim() === '' ? null : Number(text)),
    onSuccess: async () => {
      await Promise.all(['limits', 'queue'].map((key) => client.invalidateQueries({ queryKey: [key] })));
      props.onClose();
    },
  });
  return (
    <ConfirmDialog
      open
      onClose={props.onClose}
      title={`How many jobs of ${props.of} may run at once?`}
      description="On all pools together; what is more waits its turn, and says so. A lower limit stops nothing that runs. The change is in the audit log."
      confirm="Save the limit"
      keep="Leave it"
      pending={save.isPending}
      error={save.error}
      doing="set the limit"
      onConfirm={() => save.mutate()}
    >
      <TextField
        className="mt-3"
        id={id}
        label="Running jobs at most (empty: no limit)"
        type="number"
        inputMode="numeric"
        min={1}
        max={10_000}
        step={1}
        placeholder="no limit"
        value={text}
        onValue={setText}
      />
    </ConfirmDialog>
  );
}
