import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '../api/contract-client.ts';
import { problemSentence } from '../api/problem.ts';
import { queries } from '../api/queries.ts';
import { Age } from '../ui/age.tsx';
import { ConfirmDialog } from '../ui/confirm-dialog.tsx';
import { ErrorBar, SkeletonRows } from '../ui/notice.tsx';
import { UntrustedText } from '../ui/untrusted-text.tsx';

export function MyTokens() {
  const client = useQueryClient();
  const tokens = useQuery(queries.tokens());
  const [revoking, setRevoking] = useState<{ id: string; name: string }>();
  const revoke = useMutation({
    mutationFn: (tokenId: string) => api.identity.revokeToken({ tokenId }),
    onSuccess: () => {
      setRevoking(undefined);
      void client.invalidateQueries({ queryKey: queries.tokens().queryKey });
    },
  });
  return (
    <section className="card" aria-labelledby="tokens">
      <div className="card-head">
        <h2 id="tokens">API tokens</h2>
      </div>
      {tokens.isError && (
        <div className="p-3">
          <ErrorBar onRetry={() => void tokens.refetch()}>{problemSentence(tokens.error, 'load the tokens')}</ErrorBar>
        </div>
      )}
      {tokens.isPending && <SkeletonRows rows={2} height={48} />}
      {tokens.data?.length === 0 && (
        <p className="px-4 py-3 text-text-2">
          You have none. <code>POST /api/v1/tokens</code> makes one.
        </p>
      )}
      <ul>
        {tokens.data?.map((token) => (
          <li
            key={token.id}
            className="flex min-h-12 flex-wrap items-center gap-x-4 gap-y-1 border-b border-line px-4 py-2 last:border-0"
          >
            <span className="min-w-0 flex-1 break-words">
              <span className="font-medium">
                <UntrustedText text={token.name} />
              </span>
              <span className="block text-sub text-text-2">
                {token.scopes.join(', ')} in {token.team ?? 'all your teams'}, made <Age at={token.createdAt} words />,{' '}
                {token.lastUsedAt === null ? (
                  'never used'
                ) : (
                  <>
                    used <Age at={token.lastUsedAt} words />
                  </>
                )}
              </span>
            </span>
            <button type="button" className="btn btn-quiet" onClick={() => setRevoking(token)}>
              Revoke<span className="sr-only"> {token.name}</span>
            </button>
          </li>
        ))}
      </ul>
      <ConfirmDialog
        open={revoking !== undefined}
        onClose={() => setRevoking(undefined)}
        title="Revoke this token?"
        description={
          <>
            What uses <UntrustedText text={revoking?.name ?? ''} /> is refused from now on. It cannot be undone.
          </>
        }
        confirm="Revoke token"
        keep="Keep it"
        danger
        pending={revoke.isPending}
        error={revoke.error}
        doing="revoke the token"
        onConfirm={() => revoking !== undefined && revoke.mutate(revoking.id)}
      />
    </section>
  );
}
