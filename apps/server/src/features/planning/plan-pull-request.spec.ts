import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunState } from '@sluice/engine';
import { definitionOf, PlanningWorld, type TestRepository } from './testing/planning-world.ts';

let world: PlanningWorld;
beforeAll(async () => {
  world = await PlanningWorld.open();
});
afterAll(() => world.close());

const HEAD = 'refs/pull/17/head';
const PERSON = { kind: 'user', userId: '0198b3c2-6a5e-7c11-9a00-3f1d2c4b5a02', name: 'Rita' } as const;
let names = 0;

/** A service on main that runs pull requests, and a clone that works on a branch. */
async function opened(on = 'on: { push: { branches: [main] }, pull_request: {} }') {
  names += 1;
  const service = `asked-${names}`;
  const repository = await world.repository({ [service]: '.' });
  const main = await repository.work.commit('First', { 'sluice.yaml': definitionOf(service, on), 'a.txt': '1' });
  await repository.push('main');
  await repository.work.git('checkout', '--quiet', '-b', 'cents');
  return { repository, service, main };
}

/** A commit of a fork: the repository shows it below `refs/pull` only. */
async function fromFork(repository: TestRepository, message: string, files: Record<string, string> = {}) {
  const sha = await repository.work.commit(message, { [`${message}.txt`]: '1', ...files });
  await repository.push(`cents:${HEAD}`);
  return sha;
}

async function fromBranch(repository: TestRepository, message: string, files: Record<string, string> = {}) {
  const sha = await fromFork(repository, message, files);
  await repository.push('cents');
  return sha;
}

const statesOf = async (repository: TestRepository): Promise<RunState[]> =>
  (await world.runs(repository)).map(({ state }) => state);

describe('a pull request from a fork', { timeout: 90_000 }, () => {
  it('I24 A16: is run untrusted, and held for its head', async () => {
    const { repository, main } = await opened();
    const head = await fromFork(repository, 'Cents');
    expect(await world.deliverPullRequest(repository, { head })).toMatchObject({ status: 'planned' });
    const [run] = await world.runs(repository);
    expect(run).toMatchObject({ ref: HEAD, commit: head, trust: 'untrusted', status: 'waiting' });
    expect(run?.state).toMatchObject({
      trigger: { kind: 'pull_request', by: { kind: 'forge', name: 'mira-feld' } },
      pullRequest: { number: 17, source: 'cents', target: 'main', outside: true, account: '51000007' },
      held: { code: 'fork' },
      plan: { facts: { event: 'pull_request', branch: '', tag: '' } },
    });
    expect(main).not.toBe(head);
    expect(await world.head(repository)).toBeUndefined();
  });

  it('A15: who asks is the account that the forge proved, whatever the commit says', async () => {
    const { repository } = await opened();
    // The author line names a developer of the team; the account behind the event is nobody's.
    const { db } = world.database;
    const userId = '0198b3c2-6a5e-7c11-9a00-3f1d2c4b5a03';
    await db
      .insertInto('users')
      .values({ id: userId, email: 'ada@example.com', name: 'Ada', password_hash: 'x' })
      .execute();
    await db
      .insertInto('user_identities')
      .values({ user_id: userId, kind: 'email', value: 'ada@example.com' })
      .execute();
    await db
      .insertInto('memberships')
      .values({ team_id: repository.teamId, user_id: userId, role: 'developer' })
      .execute();
    const head = await fromFork(repository, 'Cents');
    await world.deliverPullRequest(repository, { head, by: { id: '99', login: 'stranger' } });
    const [run] = await statesOf(repository);
    expect(run).toMatchObject({ author: 'Ada', status: 'waiting', pullRequest: { account: '99' } });
    expect(run?.trigger.by).toEqual({ kind: 'forge', name: 'stranger' });
  });

  it('A16: a new push waits again and ends what nobody had let go', async () => {
    const { repository } = await opened();
    const first = await fromFork(repository, 'One');
    await world.deliverPullRequest(repository, { head: first });
    const second = await fromFork(repository, 'Two');
    await world.deliverPullRequest(repository, { head: second });
    expect(await world.runs(repository)).toMatchObject([
      {
        commit: first,
        status: 'cancelled',
        state: { reason: { message: expect.stringContaining('was pushed again') } },
      },
      { commit: second, status: 'waiting' },
    ]);
  });

  it('A16: a head that was left and comes back is held anew', async () => {
    const { repository } = await opened();
    const first = await fromFork(repository, 'One');
    await world.deliverPullRequest(repository, { head: first });
    const second = await fromFork(repository, 'Two');
    await world.deliverPullRequest(repository, { head: second });
    await repository.push(`${first}:${HEAD}`);
    await world.deliverPullRequest(repository, { head: first });
    expect((await world.runs(repository)).map(({ commit, status }) => [commit, status])).toEqual([
      [first, 'cancelled'],
      [second, 'cancelled'],
      [first, 'waiting'],
    ]);
  });

  it('what was let go stays as it is when the pull request is pushed again', async () => {
    const { repository } = await opened();
    const first = await fromFork(repository, 'One');
    await world.deliverPullRequest(repository, { head: first });
    const [held] = await statesOf(repository);
    await world.database.transactions.run((unit) =>
      world.runStore.apply(unit, held!.runId, { type: 'admit', by: PERSON, commit: first }),
    );
    const second = await fromFork(repository, 'Two');
    await world.deliverPullRequest(repository, { head: second });
    expect((await world.runs(repository)).map(({ status }) => status)).toEqual(['queued', 'waiting']);
  });

  it('F52: told twice it is held once', async () => {
    const { repository } = await opened();
    const head = await fromFork(repository, 'Cents');
    await world.deliverPullRequest(repository, { head });
    await world.deliverPullRequest(repository, { head });
    expect(await world.runs(repository)).toHaveLength(1);
  });

  it('ends held runs when the pull request is closed', async () => {
    const { repository } = await opened();
    const head = await fromFork(repository, 'Cents');
    await world.deliverPullRequest(repository, { head });
    expect(await world.deliverPullRequest(repository, { head, closed: true })).toMatchObject({ status: 'ignored' });
    expect(await world.runs(repository)).toMatchObject([{ status: 'cancelled' }]);
  });

  it('A16: cannot ask to be run where the branch that it is for does not want it', async () => {
    const { repository, service } = await opened('on: { push: { branches: [main] } }');
    const head = await fromFork(repository, 'Cents', {
      'sluice.yaml': definitionOf(service, 'on: { pull_request: {} }'),
    });
    expect(await world.deliverPullRequest(repository, { head })).toMatchObject({
      status: 'ignored',
      outcome: { message: expect.stringContaining('starts no run on pull requests (on.pull_request)') },
    });
    expect(await world.runs(repository)).toEqual([]);
  });

  it('F53: the announcement of an older head that comes late starts nothing', async () => {
    const { repository } = await opened();
    const first = await fromFork(repository, 'One');
    const second = await fromFork(repository, 'Two');
    await world.deliverPullRequest(repository, { head: second });
    expect(await world.deliverPullRequest(repository, { head: first })).toMatchObject({
      status: 'ignored',
      outcome: { message: expect.stringContaining('was pushed again') },
    });
    expect(await world.runs(repository)).toMatchObject([{ commit: second, status: 'waiting' }]);
  });

  it('A18: a commit that is not the head of the pull request is never run', async () => {
    const { repository, main } = await opened();
    await fromFork(repository, 'Cents');
    for (const head of ['b'.repeat(40), main])
      await expect(
        world.deliverPullRequest(repository, { head, number: 18, ref: 'refs/pull/18/head' }),
      ).rejects.toThrow(/is not the head of pull request 18/);
    expect(await world.runs(repository)).toEqual([]);
  });
});

describe('a pull request of the repository itself', { timeout: 90_000 }, () => {
  it('is trusted like a push and not held', async () => {
    const { repository } = await opened();
    const head = await fromBranch(repository, 'Cents');
    await world.deliverPullRequest(repository, { head, outside: false });
    expect(await world.runs(repository)).toMatchObject([
      { ref: HEAD, commit: head, trust: 'trusted', status: 'queued', state: { pullRequest: { outside: false } } },
    ]);
  });

  it('A17: is from outside all the same when its commit lies on no branch of the repository', async () => {
    const { repository } = await opened();
    const head = await fromFork(repository, 'Cents');
    await world.deliverPullRequest(repository, { head, outside: false });
    expect(await world.runs(repository)).toMatchObject([{ trust: 'untrusted', status: 'waiting' }]);
  });

  it('F52: is not run where the push of its branch is', async () => {
    const { repository } = await opened('on: { push: { branches: ["**"] }, pull_request: {} }');
    const head = await fromBranch(repository, 'Cents');
    await world.deliver(repository, { ref: 'refs/heads/cents', after: head });
    expect(await world.deliverPullRequest(repository, { head, outside: false })).toMatchObject({
      status: 'ignored',
      outcome: { message: expect.stringContaining('the push of branch cents starts its run') },
    });
    expect(await world.runs(repository)).toHaveLength(1);
  });

  it('is found by the first digits of its head where the forge tells no more', async () => {
    const { repository } = await opened();
    const head = await fromBranch(repository, 'Cents');
    await world.deliverPullRequest(repository, { ref: 'refs/heads/cents', head: head.slice(0, 12), outside: false });
    expect(await world.runs(repository)).toMatchObject([{ ref: 'refs/heads/cents', commit: head, trust: 'trusted' }]);
  });

  it('tells its author of a definition that cannot be used', async () => {
    const { repository } = await opened();
    const head = await fromBranch(repository, 'Cents', { 'sluice.yaml': 'service: [' });
    await world.deliverPullRequest(repository, { head, outside: false });
    expect(await world.runs(repository)).toMatchObject([{ status: 'failed' }]);
  });

  it('asks for the branch that it is for', async () => {
    const { repository } = await opened('on: { pull_request: { branches: ["release/*"] } }');
    const head = await fromBranch(repository, 'Cents');
    expect(await world.deliverPullRequest(repository, { head, outside: false })).toMatchObject({
      outcome: { message: expect.stringContaining('branch main matches none of release/*') },
    });
  });
});

describe('in a repository of many services', { timeout: 90_000 }, () => {
  it('only what the pull request itself changes counts, not what its target gained meanwhile', async () => {
    names += 1;
    const [a, b] = [`mine-${names}`, `theirs-${names}`];
    const repository = await world.repository({ [a]: 'services/a', [b]: 'services/b' });
    const only = (path: string) => `on: { pull_request: {}, paths: ["services/${path}/**"] }`;
    await repository.work.commit('First', {
      'services/a/sluice.yaml': definitionOf(a, only('a')),
      'services/b/sluice.yaml': definitionOf(b, only('b')),
    });
    await repository.push('main');
    await repository.work.git('checkout', '--quiet', '-b', 'cents');
    const head = await fromBranch(repository, 'Cents', { 'services/a/x.txt': '1' });
    await repository.work.git('checkout', '--quiet', 'main');
    await repository.work.commit('Meanwhile', { 'services/b/x.txt': '1' });
    await repository.push('main');
    const row = await world.deliverPullRequest(repository, { head, outside: false });
    // The file beside the services, which `fromBranch` adds, concerns neither.
    expect(row.outcome?.runs).toMatchObject([{ service: a }]);
    expect(row.outcome?.services).toContainEqual({
      service: b,
      message: 'not affected: no changed path matches services/b/** (on.paths)',
    });
  });
});
