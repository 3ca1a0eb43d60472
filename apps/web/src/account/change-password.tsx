import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '../api/contract-client.ts';
import { problemSentence } from '../api/problem.ts';
import { queries } from '../api/queries.ts';
import { ErrorBar } from '../ui/notice.tsx';
import { TextField } from '../ui/text-field.tsx';
import { NewPassword } from './new-password.tsx';

export function ChangePassword() {
  const client = useQueryClient();
  const [currentPassword, setCurrent] = useState('');
  const [newPassword, setNew] = useState('');
  const change = useMutation({
    mutationFn: () => api.identity.changePassword({ currentPassword, newPassword }),
    onSuccess: () => {
      setCurrent('');
      setNew('');
      void client.invalidateQueries({ queryKey: queries.sessions().queryKey });
    },
  });
  return (
    <section className="card" aria-labelledby="password">
      <div className="card-head">
        <h2 id="password">Password</h2>
      </div>
      <form
        className="max-w-[420px] p-4"
        onSubmit={(event) => {
          event.preventDefault();
          change.mutate();
        }}
      >
        <TextField
          id="current-password"
          label="Current password"
          type="password"
          autoComplete="current-password"
          required
          maxLength={128}
          value={currentPassword}
          onValue={setCurrent}
        />
        <NewPassword value={newPassword} onValue={setNew} />
        {change.isError && (
          <div className="mt-3">
            <ErrorBar>{problemSentence(change.error, 'change the password')}</ErrorBar>
          </div>
        )}
        <div className="mt-4 flex items-center gap-3">
          <button type="submit" className="btn btn-ink" disabled={change.isPending}>
            Change password
          </button>
          <span role="status" className="text-text-2">
            {change.isSuccess ? 'Changed. Your other sessions have ended.' : ''}
          </span>
        </div>
      </form>
    </section>
  );
}
