import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, rememberCsrfToken } from '../api/contract-client.ts';
import { problemSentence } from '../api/problem.ts';
import { queries } from '../api/queries.ts';
import { ErrorBar } from '../ui/notice.tsx';
import { NewPassword } from '../account/new-password.tsx';
import { TextField } from '../ui/text-field.tsx';

/** The first account, made with the one-time link; it administers the installation. */
export function CreateAdmin({ token }: { token: string }) {
  const client = useQueryClient();
  const [name, setName] = useState('');
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const create = useMutation({
    mutationFn: () => api.identity.setup({ token, email, name, password }),
    onSuccess: (me) => {
      rememberCsrfToken(me.csrfToken);
      client.setQueryData(queries.me().queryKey, me);
      client.setQueryData(queries.setupState().queryKey, { needed: false });
      // The one-time token leaves the address, so that it isn't copied along.
      window.history.replaceState(null, '', '/welcome');
    },
  });
  return (
    <form
      className="card mx-auto max-w-[420px] p-6"
      onSubmit={(event) => {
        event.preventDefault();
        create.mutate();
      }}
    >
      <h1 className="text-title font-semibold tracking-[-0.018em]">Create the first account</h1>
      <p className="mt-1 text-text-2">It administers this installation. You can add people afterwards.</p>
      <TextField
        id="name"
        label="Name"
        className="mt-4"
        autoComplete="name"
        required
        maxLength={100}
        value={name}
        onValue={setName}
      />
      <TextField
        id="email"
        label="E-mail"
        className="mt-3"
        type="email"
        autoComplete="username"
        required
        value={email}
        onValue={setEmail}
      />
      <NewPassword label="Password" value={password} onValue={setPassword} />
      {create.isError && (
        <div className="mt-3">
          <ErrorBar>{problemSentence(create.error, 'create the account')}</ErrorBar>
        </div>
      )}
      <button type="submit" className="btn btn-ink mt-5 h-9! w-full max-md:h-12!" disabled={create.isPending}>
        Create account
      </button>
    </form>
  );
}
