import { useMutation } from '@tanstack/react-query';
import { api } from '../api/contract-client.ts';
import { problemSentence } from '../api/problem.ts';
import type { Person } from '../api/shapes.ts';
import { CopyText } from '../ui/copy-text.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { ErrorBar } from '../ui/notice.tsx';
import { exactTime } from '../ui/wording.ts';

export function ResetLink({ person, onClose }: { person: Person; onClose: () => void }) {
  const make = useMutation({ mutationFn: () => api.identity.createResetLink({ userId: person.userId }) });
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title={`Password link for ${person.name}`}
      description="It lets whoever opens it first set the password, once. Hand it over on a way that only this person reads; an older link ends."
    >
      {make.isError && (
        <div className="mt-3">
          <ErrorBar>{problemSentence(make.error, 'make the link')}</ErrorBar>
        </div>
      )}
      {make.data === undefined ? (
        <div className="mt-4 flex justify-end gap-2">
          <button type="button" className="btn btn-quiet" onClick={onClose}>
            Not now
          </button>
          <button type="button" className="btn btn-ink" disabled={make.isPending} onClick={() => make.mutate()}>
            Make the link
          </button>
        </div>
      ) : (
        <>
          <div className="mt-3 rounded-control bg-sunken p-3">
            <CopyText value={window.location.origin + make.data.path} label="password link" className="w-full" />
          </div>
          <p className="mt-2 text-text-2">Shown this once. It works until {exactTime(make.data.expiresAt)}.</p>
          <div className="mt-4 flex justify-end">
            <button type="button" className="btn btn-ink" onClick={onClose}>
              Done
            </button>
          </div>
        </>
      )}
    </Dialog>
  );
}
