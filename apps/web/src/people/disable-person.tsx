import { useMutation, useQueryClient } from '@tanstack/react-query';
import { api } from '../api/contract-client.ts';
import { queries } from '../api/queries.ts';
import type { Person } from '../api/shapes.ts';
import { ConfirmDialog } from '../ui/confirm-dialog.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { plural } from '../ui/wording.ts';

export function DisablePerson({ person, onClose }: { person: Person; onClose: () => void }) {
  const client = useQueryClient();
  const set = useMutation({
    mutationFn: () => api.identity.setDisabled({ userId: person.userId, disabled: !person.disabled }),
    onSuccess: ({ openApprovals }) => {
      void client.invalidateQueries({ queryKey: queries.people().queryKey });
      if (openApprovals === 0) onClose();
    },
  });
  const left = set.data?.openApprovals ?? 0;
  if (left > 0)
    return (
      <Dialog
        open
        onOpenChange={onClose}
        title={`${person.name} is disabled`}
        description={`${plural(left, 'approval')} of ${person.name} at gates that are still closed no longer count: somebody else must approve there.`}
      >
        <div className="mt-4 flex justify-end">
          <button type="button" className="btn btn-ink" onClick={onClose}>
            Understood
          </button>
        </div>
      </Dialog>
    );
  return (
    <ConfirmDialog
      open
      onClose={onClose}
      title={person.disabled ? `Enable ${person.name}?` : `Disable ${person.name}?`}
      description={
        person.disabled
          ? 'They can sign in again with their password. Sessions and tokens of before do not come back.'
          : 'Their sessions and API tokens end at once, and they cannot sign in. What they did stays recorded.'
      }
      confirm={person.disabled ? 'Enable' : 'Disable'}
      keep="Leave it"
      danger={!person.disabled}
      pending={set.isPending}
      error={set.error}
      doing="change the account"
      onConfirm={() => set.mutate()}
    />
  );
}
