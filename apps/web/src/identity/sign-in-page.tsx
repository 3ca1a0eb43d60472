import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { api, rememberCsrfToken } from '../api/contract-client.ts';
import { problemSentence } from '../api/problem.ts';
import { queries } from '../api/queries.ts';
import { Brand } from '../frame/brand.tsx';
import { ErrorBar } from '../ui/notice.tsx';
import { TextField } from '../ui/text-field.tsx';

const route = getRouteApi('/login');

export function SignInPage() {
  const { next } = route.useSearch();
  const client = useQueryClient();
  const navigate = useNavigate();
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const setup = useQuery(queries.setupState());
  const signIn = useMutation({
    mutationFn: () => api.identity.signIn({ email, password }),
    onSuccess: (me) => {
      rememberCsrfToken(me.csrfToken);
      client.clear();
      client.setQueryData(queries.me().queryKey, me);
      void navigate({ href: next, replace: true });
    },
  });
  return (
    <main className="grid min-h-full place-items-center p-4">
      <title>Sign in · Sluice</title>
      <div className="w-full max-w-[360px]">
        <div className="mb-5 flex justify-center">
          <Brand />
        </div>
        <form
          className="card p-6"
          onSubmit={(event) => {
            event.preventDefault();
            signIn.mutate();
          }}
        >
          <h1 className="text-title font-semibold tracking-[-0.018em]">Sign in</h1>
          {setup.data?.needed === true && (
            <p className="mt-2 text-text-2">
              Nobody has an account here yet. Open the one-time link that the server printed when it started, or read{' '}
              <Link to="/welcome" className="link">
                how to begin
              </Link>
              .
            </p>
          )}
          <TextField
            id="email"
            label="E-mail"
            className="mt-4"
            type="email"
            autoComplete="username"
            required
            autoFocus
            value={email}
            onValue={setEmail}
          />
          <TextField
            id="password"
            label="Password"
            className="mt-3"
            type="password"
            autoComplete="current-password"
            required
            value={password}
            onValue={setPassword}
          />
          {signIn.isError && (
            <div className="mt-3">
              <ErrorBar>{problemSentence(signIn.error, 'sign in')}</ErrorBar>
            </div>
          )}
          <button type="submit" className="btn btn-ink mt-5 h-9! w-full max-md:h-12!" disabled={signIn.isPending}>
            Sign in
          </button>
        </form>
      </div>
    </main>
  );
}
