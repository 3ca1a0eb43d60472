import { useMutation, useQueryClient } from '@tanstack/react-query';
import { ShieldQuestion } from 'lucide-react';
import { useState } from 'react';
import { api } from '../api/contract-client.ts';
import type { RunDetail } from '../api/shapes.ts';
import { useWriteBlock } from '../live/use-live.ts';
import { ConfirmDialog } from '../ui/confirm-dialog.tsx';
import { shortSha } from '../ui/wording.ts';

/** A stranger's commit waits here until somebody of the team has looked at it. */
export function AdmitRun({ run }: { run: RunDetail }) {
  const [open, setOpen] = useState(false);
  const blocked = useWriteBlock();
  const client = useQueryClient();
  const admit = useMutation({
    mutationFn: () => api.runs.admitRun({ runId: run.id, commit: run.commit }),
    onSuccess: async () => {
      setOpen(false);
      await client.invalidateQueries({ queryKey: ['run', run.service, run.number] });
    },
  });
  return (
    <div className="mt-3 flex flex-wrap items-center gap-x-3 gap-y-2 rounded-card border border-line-2 bg-sunken p-3">
      <ShieldQuestion size={15} className="flex-none text-waiting" aria-hidden="true" />
      <p className="min-w-0 flex-1">
        {run.waiting?.message} Asked for by {run.trigger.by.name}.
      </p>
      <button
        type="button"
        className="btn btn-ink"
        disabled={blocked !== null}
        title={blocked ?? undefined}
        onClick={() => setOpen(true)}
      >
        Let it run
      </button>
      <ConfirmDialog
        open={open}
        onClose={() => setOpen(false)}
        title={`Let commit ${shortSha(run.commit)} run?`}
        description="Look at the whole change first: its commands run on your runners. It gets no secrets, no trusted runner and no release. The next push to the pull request waits again."
        confirm="Let it run"
        keep="Not yet"
        pending={admit.isPending}
        error={admit.error}
        doing="let it run"
        onConfirm={() => admit.mutate()}
      />
    </div>
  );
}
