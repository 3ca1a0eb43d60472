import { useMutation, useQueryClient } from '@tanstack/react-query';
import { ShieldQuestion } from 'lucide-react';
import { useState } from 'react';
import { api } from '../api/contract-client.ts';
import type { RunDetail, Waiting } from '../api/shapes.ts';
import { useMay } from '../identity/use-role.ts';
import { useWriteBlock } from '../live/use-live.ts';
import { Age } from '../ui/age.tsx';
import { ConfirmDialog } from '../ui/confirm-dialog.tsx';
import { CopyText } from '../ui/copy-text.tsx';
import { UntrustedText } from '../ui/untrusted-text.tsx';
import { shortSha } from '../ui/wording.ts';

/** A stranger's commit waits here until somebody of the team has looked at it. */
export function AdmitRun({ run, waiting }: { run: RunDetail; waiting: Waiting }) {
  const [open, setOpen] = useState(false);
  const blocked = useWriteBlock();
  const may = useMay(run.team, 'developer');
  const client = useQueryClient();
  const admit = useMutation({
    mutationFn: () => api.runs.admitRun({ runId: run.id, commit: run.commit }),
    onSuccess: async () => {
      setOpen(false);
      await client.invalidateQueries({ queryKey: ['run', run.service, run.number] });
    },
  });
  return (
    <section
      aria-label="Held"
      className="tone-gate mt-3 flex items-center gap-x-4 gap-y-3 rounded-card border border-(--tone-solid)/35 bg-(--tone-tint) p-3.5 max-md:flex-col max-md:items-stretch"
    >
      <div className="flex min-w-0 flex-1 gap-2.5">
        <ShieldQuestion size={16} className="mt-0.5 flex-none text-(--tone)" aria-hidden="true" />
        <div className="min-w-0">
          <p className="wrap-anywhere">{waiting.message}</p>
          <p className="mt-0.5 text-text-2">
            Asked for by <UntrustedText text={run.trigger.by.name} />, <Age at={waiting.since} words />. Look at commit{' '}
            <CopyText value={run.commit} shown={shortSha(run.commit)} label="commit" className="align-middle" /> first.
          </p>
        </div>
      </div>
      {!may ? (
        <p className="text-text-2">Developers of {run.team} decide.</p>
      ) : (
        <button
          type="button"
          className="btn btn-ink"
          disabled={blocked !== null}
          title={blocked ?? undefined}
          onClick={() => setOpen(true)}
        >
          Let it run
        </button>
      )}
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
    </section>
  );
}
