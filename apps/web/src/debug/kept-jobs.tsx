import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { SquareTerminal } from 'lucide-react';
import { lazy, Suspense, useState } from 'react';
import { api } from '../api/contract-client.ts';
import { problemSentence } from '../api/problem.ts';
import { queries } from '../api/queries.ts';
import { useNow } from '../api/server-clock.ts';
import type { KeptJob } from '../api/shapes.ts';
import { useWriteBlock } from '../live/use-live.ts';
import { ErrorBar } from '../ui/notice.tsx';
import { clockTime, elapsed } from '../ui/wording.ts';

// The terminal weighs more than the page around it, and few ever open one.
const ShellTerminal = lazy(async () => ({ default: (await import('./shell-terminal.tsx')).ShellTerminal }));

/** Containers of this run's failed jobs that wait for a look inside. */
export function KeptJobs({ runId }: { runId: string }) {
  const { data } = useQuery(queries.runDebug(runId));
  if (data === undefined || data.kept.length === 0) return null;
  return (
    <section className="px-3 pb-3 md:px-6" aria-label="Kept containers">
      {data.kept.map((kept) => (
        <KeptJobPanel key={kept.attemptId} runId={runId} kept={kept} refusal={data.refusal} />
      ))}
    </section>
  );
}

function KeptJobPanel({ runId, kept, refusal }: { runId: string; kept: KeptJob; refusal: string | null }) {
  const [shellId, setShellId] = useState<string | null>(null);
  const client = useQueryClient();
  const blocked = useWriteBlock() ?? refusal;
  const open = kept.endedAt === null;
  const left = Date.parse(kept.until) - useNow(open);
  const readAgain = () => client.invalidateQueries({ queryKey: ['run-debug', runId] });
  const opening = useMutation({
    mutationFn: () => api.debug.openShell({ attemptId: kept.attemptId, columns: 100, rows: 28 }),
    onSuccess: (answer) => {
      setShellId(answer.shellId);
      return readAgain();
    },
  });
  const ending = useMutation({
    mutationFn: () => api.debug.endKept({ attemptId: kept.attemptId }),
    onSuccess: readAgain,
  });
  const error = opening.error ?? ending.error;
  const others = kept.shells.filter((shell) => shell.closedAt === null && shell.id !== shellId);
  return (
    <div className="mt-2 rounded-card border border-line-2 bg-sunken p-3">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-2">
        <SquareTerminal size={15} className="flex-none text-text-2" aria-hidden="true" />
        <p className="min-w-0 flex-1">
          {open ? (
            <>
              The container of <code>{kept.job}</code> is kept on {kept.runner} for another{' '}
              <span className="tnum">{elapsed(left)}</span>.
            </>
          ) : (
            <>
              The container of <code>{kept.job}</code> was kept until {clockTime(kept.endedAt ?? kept.until)}.{' '}
              {kept.ended}
            </>
          )}
          {others.length > 0 && ` Open in it: a shell of ${others.map((shell) => shell.by.name).join(' and of ')}.`}
        </p>
        {open && (
          <>
            <button
              type="button"
              className="btn btn-ink"
              disabled={blocked !== null || opening.isPending || shellId !== null}
              title={blocked ?? undefined}
              onClick={() => opening.mutate()}
            >
              Open a shell
            </button>
            <button
              type="button"
              className="btn btn-danger"
              disabled={blocked !== null || ending.isPending}
              title={blocked ?? undefined}
              onClick={() => ending.mutate()}
            >
              End now
            </button>
          </>
        )}
      </div>
      {error !== null && (
        <div className="mt-2">
          <ErrorBar>{problemSentence(error, 'do that in the container')}</ErrorBar>
        </div>
      )}
      {shellId !== null && (
        <Suspense fallback={<p className="mt-2 text-text-2">The terminal is loaded …</p>}>
          <ShellTerminal shellId={shellId} onClose={() => setShellId(null)} />
        </Suspense>
      )}
    </div>
  );
}
