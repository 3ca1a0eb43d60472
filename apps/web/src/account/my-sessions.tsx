import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { api } from '../api/contract-client.ts';
import { problemSentence } from '../api/problem.ts';
import { queries } from '../api/queries.ts';
import { Age } from '../ui/age.tsx';
import { ErrorBar, SkeletonRows } from '../ui/notice.tsx';
import { UntrustedText } from '../ui/untrusted-text.tsx';

export function MySessions() {
  const client = useQueryClient();
  const sessions = useQuery(queries.sessions());
  const readAgain = (): void => void client.invalidateQueries({ queryKey: queries.sessions().queryKey });
  const end = useMutation({
    mutationFn: (sessionId: string) => api.identity.endSession({ sessionId }),
    onSettled: readAgain,
  });
  const endOthers = useMutation({ mutationFn: () => api.identity.endOtherSessions(), onSettled: readAgain });
  const error = sessions.error ?? end.error ?? endOthers.error;
  const others = sessions.data?.filter(({ current }) => !current) ?? [];
  return (
    <section className="card" aria-labelledby="sessions">
      <div className="card-head">
        <h2 id="sessions">Where you are signed in</h2>
        {others.length > 0 && (
          <button
            type="button"
            className="btn ml-auto"
            disabled={endOthers.isPending}
            onClick={() => endOthers.mutate()}
          >
            End all others
          </button>
        )}
      </div>
      {error !== null && (
        <div className="p-3">
          <ErrorBar onRetry={readAgain}>{problemSentence(error, 'load or end the sessions')}</ErrorBar>
        </div>
      )}
      {sessions.isPending && <SkeletonRows rows={2} height={48} />}
      <ul>
        {sessions.data?.map((session) => (
          <li
            key={session.id}
            className="flex min-h-12 flex-wrap items-center gap-x-4 gap-y-1 border-b border-line px-4 py-2 last:border-0"
          >
            <span className="min-w-0 flex-1 break-words">
              <UntrustedText text={session.agent ?? 'Unknown browser'} />
              <span className="block text-sub text-text-2">
                {session.address ?? 'unknown address'}, signed in <Age at={session.createdAt} words />, used{' '}
                <Age at={session.lastUsedAt} words />
              </span>
            </span>
            {session.current ? (
              <span className="text-text-2">this one</span>
            ) : (
              <button
                type="button"
                className="btn btn-quiet"
                disabled={end.isPending}
                onClick={() => end.mutate(session.id)}
              >
                End
                <span className="sr-only"> the session from {session.address ?? 'an unknown address'}</span>
              </button>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}
