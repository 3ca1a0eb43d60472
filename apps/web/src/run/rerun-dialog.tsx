import { useMutation } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { api } from '../api/contract-client.ts';
import type { RunDetail } from '../api/shapes.ts';
import { stageWord } from '../board/stage-look.ts';
import { KeepChoice } from '../debug/keep-choice.tsx';
import { ConfirmDialog } from '../ui/confirm-dialog.tsx';
import { Select } from '../ui/select.tsx';
import { shortSha } from '../ui/wording.ts';
import { mayKeep, rerunScopes, type RerunScope } from './rerun-scopes.ts';

/** Asks what of an ended run to do again, and whether to keep the containers of what fails in it. */
export function RerunDialog({ run, onClose }: { run: RunDetail; onClose: () => void }) {
  const navigate = useNavigate();
  const [scope, setScope] = useState<RerunScope>({ kind: 'all' });
  const [keepMinutes, setKeepMinutes] = useState<number | null>(null);
  const kept = mayKeep(scope) ? keepMinutes : null;
  const rerun = useMutation({
    mutationFn: () =>
      api.runs.rerun({
        runId: run.id,
        ...(scope.kind === 'all' ? {} : { scope }),
        ...(kept === null ? {} : { debug: { keepMinutes: kept } }),
      }),
    onSuccess: ({ number }) => {
      onClose();
      void navigate({
        to: '/services/$service/runs/$number',
        params: { service: run.service, number: String(number) },
      });
    },
  });
  const scopes = rerunScopes(run);
  const choices = (list: readonly RerunScope[]) =>
    list.map((one) => (
      <option key={valueOf(one)} value={valueOf(one)}>
        {wordsOf(one)}
      </option>
    ));
  return (
    <ConfirmDialog
      open
      onClose={onClose}
      title={`Run ${run.service} #${run.number} again?`}
      description={`A new run uses the same plan and the same commit ${shortSha(run.commit)}. ${scope.kind === 'all' ? 'It builds its own image.' : 'It takes over what passed and does not depend on what is done again.'}`}
      confirm="Run again"
      keep="Not now"
      pending={rerun.isPending}
      error={rerun.error}
      doing="run it again"
      onConfirm={() => rerun.mutate()}
    >
      <div className="mt-3">
        <Select
          label="What to run again"
          value={valueOf(scope)}
          onChange={(value) =>
            setScope(
              [...scopes.whole, ...scopes.stages, ...scopes.jobs].find((one) => valueOf(one) === value) ?? {
                kind: 'all',
              },
            )
          }
        >
          {choices(scopes.whole)}
          {scopes.stages.length > 0 && <optgroup label="From a stage on">{choices(scopes.stages)}</optgroup>}
          {scopes.jobs.length > 0 && (
            <optgroup label="One job, what did not pass, and what depends on them">{choices(scopes.jobs)}</optgroup>
          )}
        </Select>
      </div>
      {mayKeep(scope) && <KeepChoice runId={run.id} minutes={keepMinutes} onChange={setKeepMinutes} />}
    </ConfirmDialog>
  );
}

function valueOf(scope: RerunScope): string {
  if (scope.kind === 'job') return `job ${scope.job}`;
  return scope.kind === 'stage' ? `stage ${scope.stage}` : scope.kind;
}

function wordsOf(scope: RerunScope): string {
  switch (scope.kind) {
    case 'all':
      return 'Everything';
    case 'failed':
      return 'Only what did not pass';
    case 'stage':
      return `From ${stageWord(scope.stage)} on`;
    case 'job':
      return scope.job;
  }
}
