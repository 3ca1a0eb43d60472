import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { SquareTerminal } from 'lucide-react';
import { lazy, Suspense, useState } from 'react';
import { api } from '../api/contract-client.ts';
import { problemSentence } from '../api/problem.ts';
import { queries } from '../api/queries.ts';
import { useNow } from '../api/server-clock.ts';
import type { KeptJob, RunDetail } from '../api/shapes.ts';
import { useMay } from '../identity/use-role.ts';
import { useWriteBlock } from '../live/use-live.ts';
import { ErrorBar } from '../ui/notice.tsx';
import { clockTime, elapsed } from '../ui/wording.ts';

// The terminal weighs more than the page around it, and few ever open one.
const ShellTerminal = lazy(async () => ({ default: (await import('./shell-terminal.tsx')).ShellTerminal }));

/** Containers of this run's failed jobs that wait for a look inside. */
export function KeptJobs({ run }: { run: RunDetail }) {
  const { data } = useQuery(queries.runDebug(run.id));
  if (data === undefined || data.kept.length === 0) return null;
  return (
    <section className="px-3 pb-3 md:px-6" aria-label="Kept containers">
      {data.kept.map((kept) => (
        <KeptJobPanel key={kept.attemptId} run={run} kept={kept} refusal={data.refusal} />
      ))}
    </section>
  );
}

function KeptJobPanel({ run, kept, refusal }: { run: RunDetail; kept: KeptJob; refusal: string | null }) {
  const [shell, setShell] = useState<{ readonly id: string; readonly over: boolean } | null>(null);
  const me = useQuery(queries.me());
  const may = useMay(run.team, 'developer');
  const client = useQueryClient();
  const blocked = useWriteBlock() ?? refusal;
  const open = kept.endedAt === null;
  const left = Date.parse(kept.until) - useNow(open);
  const readAgain = () => client.invalidateQueries({ queryKey: ['run-debug', run.id] });
  const opening = useMutation({
    mutationFn: () => api.debug.openShell({ attemptId: kept.attemptId, columns: 100, rows: 28 }),
    onSuccess: (answer) => {
      setShell({ id: answer.shellId, over: false });
      return readAgain();
    },
  });
  const ending = useMutation({
    mutationFn: () => api.debug.endKept({ attemptId: kept.attemptId }),
    onSuccess: readAgain,
  });
  const error = opening.error ?? ending.error;
  const others = kept.shells.filter((one) => one.closedAt === null && one.id !== shell?.id);
  // Left behind by a page that was closed.
  const mine = others.find(({ by }) => by.userId !== undefined && by.userId === me.data?.userId);
  const busy = opening.isPending || (shell !== null && !shell.over);
  return (
    <div className="mt-2 rounded-card border border-line-2 bg-sunken p-3">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-2">
        <SquareTerminal size={15} className="flex-none text-text-2" aria-hidden="true" />
        <p className="min-w-0 flex-1 max-md:basis-[calc(100%-2rem)]">
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
          {others.length > 0 && ` Open in it: a shell of ${others.map(({ by }) => by.name).join(' and of ')}.`}
        </p>
        {open && may && (
          <>
            {mine !== undefined && (
              <button
                type="button"
                className="btn"
                disabled={blocked !== null || busy}
                title={blocked ?? undefined}
                onClick={() => setShell({ id: mine.id, over: false })}
              >
                Go on in your shell
              </button>
            )}
            <button
              type="button"
              className="btn btn-ink"
              disabled={blocked !== null || busy}
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
      {shell !== null && (
        <Suspense fallback={<p className="mt-2 text-text-2">The terminal is loaded …</p>}>
          <ShellTerminal
            shellId={shell.id}
            onOver={() => setShell({ ...shell, over: true })}
            onClose={() => setShell(null)}
          />
        </Suspense>
      )}
    </div>
  );
}
