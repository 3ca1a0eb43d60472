import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startFakeForge, type FakeForge } from './fake-forge.ts';

const COMMIT = 'b2'.repeat(20);
let forge: FakeForge;
beforeAll(async () => {
  forge = await startFakeForge();
});
afterAll(() => forge.stop());

/** A right call of each forge: address, headers that sign in, body. */
const CALLS = {
  github: [
    `/repos/a/b/statuses/${COMMIT}`,
    { authorization: 'Bearer forge-token', accept: 'application/vnd.github+json' },
    { state: 'pending' },
  ],
  gitlab: [`/projects/a%2Fb/statuses/${COMMIT}`, { 'private-token': 'forge-token' }, { state: 'pending' }],
  gitea: [`/repos/a/b/statuses/${COMMIT}`, { authorization: 'token forge-token' }, { state: 'pending' }],
  bitbucket: [
    `/repositories/a/b/commit/${COMMIT}/statuses/build`,
    { authorization: 'Bearer forge-token' },
    { key: 'k', state: 'INPROGRESS', url: 'https://example.com' },
  ],
} as const;
type Name = keyof typeof CALLS;

async function call(name: Name, change: { path?: string; headers?: object; body?: object; method?: string } = {}) {
  const [path, headers, body] = CALLS[name];
  const answer = await fetch(`${forge.apiUrl(name)}${change.path ?? path}`, {
    method: change.method ?? 'POST',
    headers: { 'content-type': 'application/json', 'user-agent': 'spec', ...headers, ...change.headers } as Record<
      string,
      string
    >,
    ...(change.method === 'GET' ? {} : { body: JSON.stringify({ ...body, ...change.body }) }),
  });
  return answer.status;
}

describe.each(Object.keys(CALLS) as Name[])('the fake of %s', (name) => {
  it('takes a right call and refuses what breaks the contract', async () => {
    expect(await call(name)).toBe(201);
    const taken = forge.history.length;
    const wrong = [
      await call(name, { method: 'GET' }),
      await call(name, { path: '/elsewhere' }),
      await call(name, { headers: { authorization: 'Bearer other', 'private-token': 'other' } }),
      await call(name, { headers: { 'content-type': 'text/plain' } }),
      await call(name, { body: { state: 'queued' } }),
      await call(name, { body: { descripton: 'misspelt' } }),
      await call(name, { body: { description: 'x'.repeat(2_001) } }),
      await call(name, { body: name === 'bitbucket' ? { url: 'sluice' } : { target_url: 'sluice' } }),
    ];
    expect(wrong.filter((status) => status < 400)).toEqual([]);
    expect(forge.history).toHaveLength(taken);
  });
});

it('GitLab never goes back while a status is open, and begins a new one after its end', async () => {
  const state = (text: string) => call('gitlab', { body: { state: text, name: 'way' } });
  expect(await state('running')).toBe(201);
  expect(await state('pending')).toBe(400);
  expect(await state('running')).toBe(400);
  expect(await state('success')).toBe(201);
  expect(await state('pending')).toBe(201);
});
