import { useMutation } from '@tanstack/react-query';
import { GitBranch, GitCommitHorizontal, GitPullRequest, Link2, RotateCw, Square } from 'lucide-react';
import { useState } from 'react';
import { api } from '../api/contract-client.ts';
import { useNow } from '../api/server-clock.ts';
import type { RunDetail } from '../api/shapes.ts';
import { useUsualDurations } from '../board/usual-durations.ts';
import { useMay } from '../identity/use-role.ts';
import { useScreenKeys } from '../frame/use-frame-keys.ts';
import { useWriteBlock } from '../live/use-live.ts';
import { StatusSent } from '../service/forge-statuses.tsx';
import { Avatar } from '../ui/avatar.tsx';
import { ConfirmDialog } from '../ui/confirm-dialog.tsx';
import { StatusPill } from '../ui/status-icon.tsx';
import { isOver, statusLook } from '../ui/status.ts';
import { UntrustedText } from '../ui/untrusted-text.tsx';
import { AdmitRun } from './admit-run.tsx';
import { RerunDialog } from './rerun-dialog.tsx';
import { clockTime, delay, duration, elapsed, firstLine, shortRef, shortSha } from '../ui/wording.ts';

export function RunHeader({ run }: { run: RunDetail }) {
  const [dialog, setDialog] = useState<'cancel' | 'rerun' | null>(null);
  const [copied, setCopied] = useState(false);
  const blocked = useWriteBlock();
  const over = isOver(run.status);
  const may = useMay(run.team, 'developer');
  const mayCancel = may && !over && run.cancelRequested === null;
  useScreenKeys({
    'Shift+R': () => blocked === null && may && over && setDialog('rerun'),
    'Shift+X': () => blocked === null && mayCancel && setDialog('cancel'),
  });
  return (
    <header className="px-3 pt-4 pb-3 md:px-6">
      <div className="flex flex-wrap items-start gap-x-3 gap-y-2">
        <h1 className="min-w-0 break-words text-title font-semibold tracking-[-0.018em]" dir="auto">
          <UntrustedText text={firstLine(run.message)} />
        </h1>
        <span className="mt-0.5">
          <RunPill run={run} />
        </span>
        <div className="ml-auto flex items-center gap-2 max-md:w-full">
          <button
            type="button"
            className="btn btn-quiet"
            onClick={() => void navigator.clipboard.writeText(window.location.href).then(() => setCopied(true))}
          >
            <Link2 size={14} aria-hidden="true" />
            {copied ? 'Copied' : 'Copy link'}
          </button>
          {may && over && (
            <button
              type="button"
              className="btn"
              disabled={blocked !== null}
              title={blocked ?? undefined}
              onClick={() => setDialog('rerun')}
            >
              <RotateCw size={14} aria-hidden="true" />
              Run again
            </button>
          )}
          {may && !over && (
            <button
              type="button"
              className="btn btn-danger"
              disabled={!mayCancel || blocked !== null}
              title={blocked ?? undefined}
              onClick={() => setDialog('cancel')}
            >
              <Square size={13} aria-hidden="true" />
              {run.cancelRequested === null ? 'Cancel' : 'Cancelling'}
            </button>
          )}
        </div>
      </div>
      <RunFacts run={run} />
      {run.reason !== null && <p className="mt-2 text-failed">{run.reason.message}</p>}
      {run.commitStatus !== undefined && (
        <p className="mt-1 text-sub text-text-2">
          Status at the forge: <StatusSent status={run.commitStatus} />
        </p>
      )}
      {run.cancelRequested !== null && !over && (
        <p className="mt-2 text-text-2">
          {run.cancelRequested.by.name} asked to cancel at {clockTime(run.cancelRequested.at)}; running steps get time
          to end.
        </p>
      )}
      {run.admitted !== undefined && (
        <p className="mt-2 text-text-2">
          {run.admitted.by.name} has looked at the commit and let it run at {clockTime(run.admitted.at)}.
        </p>
      )}
      {run.waiting?.code === 'held' && <AdmitRun run={run} waiting={run.waiting} />}
      <RunDialogs run={run} dialog={dialog} onClose={() => setDialog(null)} />
    </header>
  );
}

function RunPill({ run }: { run: RunDetail }) {
  const ticking = run.status === 'running';
  const now = useNow(ticking);
  const begin = Date.parse(run.startedAt ?? run.createdAt);
  const { word } = statusLook(run.status);
  if (run.waiting?.code === 'held') return <StatusPill status="gate" text="Held: from a fork" />;
  if (run.status === 'waiting' && run.waiting?.code === 'approval')
    return <StatusPill status="gate" text="Waits for approval" />;
  if (ticking) return <StatusPill status={run.status} text={`${word} ${elapsed(now - begin)}`} />;
  return (
    <StatusPill
      status={run.status}
      text={run.finishedAt === null ? word : `${word} in ${duration(Date.parse(run.finishedAt) - begin)}`}
    />
  );
}

function RunFacts({ run }: { run: RunDetail }) {
  const ticking = run.status === 'running';
  const now = useNow(ticking);
  const usual = useUsualDurations(run.service, ticking);
  // The release waits for people; what can be foretold ends with the tests.
  const stages = (['commit', 'build', 'test'] as const).map((stage) => usual[stage]);
  const total = stages.every((value) => value !== undefined)
    ? stages.reduce((sum, value) => sum + value, 0)
    : undefined;
  const left = total === undefined ? 0 : total - (now - Date.parse(run.startedAt ?? run.createdAt));
  const begun = {
    push: 'Push received',
    tag: 'Tag received',
    pull_request: 'Pull request received',
    manual: 'Started by hand',
    rerun: 'Run again',
    schedule: `Schedule ${run.trigger.schedule?.cron ?? ''}`,
    release: `After a release of ${run.trigger.after?.service ?? 'another service'} to ${run.trigger.after?.environment ?? 'production'},`,
  }[run.trigger.kind];
  const firstJob = run.startedAt === null ? undefined : Date.parse(run.startedAt) - Date.parse(run.createdAt);
  return (
    <div className="mt-1.5 flex flex-wrap items-center gap-x-5 gap-y-1 text-text-2">
      <span className="inline-flex items-center gap-2">
        <Avatar name={run.author} />
        <UntrustedText text={run.author} />
      </span>
      {run.pullRequest === undefined ? (
        <span className="inline-flex items-center gap-1.5">
          <GitBranch size={13} aria-hidden="true" />
          <UntrustedText text={shortRef(run.ref)} />
        </span>
      ) : (
        <PullRequestFacts pullRequest={run.pullRequest} />
      )}
      <span className="inline-flex items-center gap-1.5" title={run.commit}>
        <GitCommitHorizontal size={14} aria-hidden="true" />
        <code>{shortSha(run.commit)}</code>
      </span>
      <span className="tnum">
        {begun} {clockTime(run.createdAt)}
        {run.trigger.kind !== 'push' && run.trigger.by.kind !== 'system' && ` by ${run.trigger.by.name}`}
        {firstJob !== undefined && `, first job started ${delay(firstJob)} later`}
      </span>
      {ticking && total !== undefined && (
        <span className="tnum">
          Tests usually done in {duration(total)}
          {left > 5000 && `, about ${duration(Math.ceil(left / 10_000) * 10_000)} to go`}
        </span>
      )}
      {run.trust === 'untrusted' && <span className="tag">untrusted: no secrets</span>}
    </div>
  );
}

function PullRequestFacts({ pullRequest }: { pullRequest: NonNullable<RunDetail['pullRequest']> }) {
  const { number, title, source, target, outside } = pullRequest;
  return (
    <span className="inline-flex min-w-0 items-center gap-1.5">
      <GitPullRequest size={13} className="flex-none" aria-hidden="true" />
      <span className="min-w-0 break-words" dir="auto">
        #{number} <UntrustedText text={title} />, from {outside ? 'a fork: ' : ''}
        <UntrustedText text={source} /> into <UntrustedText text={target} />
      </span>
    </span>
  );
}

function RunDialogs({
  run,
  dialog,
  onClose,
}: {
  run: RunDetail;
  dialog: 'cancel' | 'rerun' | null;
  onClose: () => void;
}) {
  const cancel = useMutation({
    mutationFn: (reason: string) => api.runs.cancelRun({ runId: run.id, ...(reason === '' ? {} : { reason }) }),
    onSuccess: onClose,
  });
  return (
    <>
      <ConfirmDialog
        open={dialog === 'cancel'}
        onClose={onClose}
        title={`Cancel run ${run.number}?`}
        description="Running steps are asked to stop and get a grace time. Logs, the image and what is deployed stay."
        reasonLabel="Reason (optional)"
        confirm="Cancel the run"
        keep="Keep running"
        danger
        pending={cancel.isPending}
        error={cancel.error}
        doing="cancel the run"
        onConfirm={(reason) => cancel.mutate(reason)}
      />
      {dialog === 'rerun' && <RerunDialog run={run} onClose={onClose} />}
    </>
  );
}
