import { useMutation } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { api } from '../api/contract-client.ts';
import { problemSentence } from '../api/problem.ts';
import { Brand } from '../frame/brand.tsx';
import { ErrorBar } from '../ui/notice.tsx';
import { NewPassword } from './new-password.tsx';

/** Opened by the one-time link of an admin. The token stands behind `#`, which no browser sends anywhere. */
export function ResetPage() {
  const [token] = useState(() => new URLSearchParams(window.location.hash.slice(1)).get('token') ?? '');
  const [newPassword, setNew] = useState('');
  const reset = useMutation({
    mutationFn: () => api.identity.resetPassword({ token, newPassword }),
    onSuccess: () => window.history.replaceState(null, '', '/reset'),
  });
  return (
    <main className="grid min-h-full place-items-center p-4">
      <title>Set a new password · Sluice</title>
      <div className="w-full max-w-[360px]">
        <div className="mb-5 flex justify-center">
          <Brand />
        </div>
        <form
          className="card p-6"
          onSubmit={(event) => {
            event.preventDefault();
            reset.mutate();
          }}
        >
          <h1 className="text-title font-semibold tracking-[-0.018em]">Set a new password</h1>
          {reset.isSuccess ? (
            <p className="mt-2" role="status">
              Your password is set.{' '}
              <Link to="/login" search={{ next: '/board' }} className="link">
                Sign in with it
              </Link>
            </p>
          ) : (
            <>
              <NewPassword value={newPassword} onValue={setNew} />
              {reset.isError && (
                <div className="mt-3">
                  <ErrorBar>{problemSentence(reset.error, 'set the password')}</ErrorBar>
                </div>
              )}
              <button type="submit" className="btn btn-ink mt-5 h-9! w-full max-md:h-12!" disabled={reset.isPending}>
                Set password
              </button>
            </>
          )}
        </form>
      </div>
    </main>
  );
}
