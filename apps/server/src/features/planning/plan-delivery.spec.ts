import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { checkDefinition } from '@sluice/pipeline-spec';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { armFailpoints } from '../../platform/failpoints/failpoints.ts';
import { definitionOf, PlanningWorld, type TestRepository } from './testing/planning-world.ts';

let world: PlanningWorld;
beforeAll(async () => {
  world = await PlanningWorld.open();
});
afterAll(() => world.close());
afterEach(() => armFailpoints(undefined, 'test'));

let names = 0;
const unique = (name: string) => `${name}-${++names}`;

/** One service at the root of a repository with one pushed commit. */
async function single(on?: string): Promise<{ repository: TestRepository; service: string; sha: string }> {
  const service = unique('catalog');
  const repository = await world.repository({ [service]: '.' });
  const sha = await repository.work.commit('First', { 'sluice.yaml': definitionOf(service, on) });
  await repository.push();
  return { repository, service, sha };
}

/** Two services in folders, each narrowed to its folder. */
async function pair() {
  const [a, b] = [unique('alpha'), unique('beta')];
  const repository = await world.repository({ [a]: 'services/a', [b]: './services/b/' });
  const sha = await repository.work.commit('First', {
    'services/a/sluice.yaml': definitionOf(a, 'on: { paths: ["services/a/**"] }'),
    'services/b/sluice.yaml': definitionOf(b, 'on: { paths: ["services/b/**"] }'),
  });
  await repository.push();
  return { repository, a, b, sha };
}

describe('PlanDelivery', () => {
  it('makes a run of the pushed commit for the proven pusher and says so on the delivery', async () => {
    const { repository, service, sha } = await single();
    const row = await world.deliver(repository, { after: sha });
    const [run] = await world.runs(repository);
    expect(run).toMatchObject({
      slug: service,
      number: 1,
      ref: 'refs/heads/main',
      commit: sha,
      trust: 'trusted',
      status: 'queued',
    });
    expect(run?.state).toMatchObject({
      message: 'First',
      author: 'Ada',
      trigger: { kind: 'push', by: { kind: 'forge', name: 'jonas' } },
    });
    expect(row).toMatchObject({
      status: 'planned',
      outcome: {
        message: `1 of 1 services: ${service} #1`,
        runs: [{ service, number: 1 }],
        services: [{ service, message: 'run #1' }],
      },
    });
    expect(await world.head(repository)).toBe(sha);
  });

  it('links the pusher to the person who owns the login, whatever the author line of the commit says', async () => {
    const { repository, sha } = await single();
    const userId = '0198b3c2-6a5e-7c11-9a00-3f1d2c4b5a01';
    await world.database.db
      .insertInto('users')
      .values({ id: userId, email: 'jo@example.com', name: 'Jo', password_hash: 'x' })
      .execute();
    await world.database.db
      .insertInto('user_identities')
      .values({ user_id: userId, kind: 'login', value: 'Jo-W' })
      .execute();
    await world.deliver(repository, { after: sha, pusher: 'jo-w' });
    expect((await world.runs(repository))[0]?.state.trigger.by).toEqual({ kind: 'forge', name: 'jo-w', userId });
  });

  it('runs only the services whose paths changed, and says why the others are not affected', async () => {
    const { repository, a, b, sha } = await pair();
    expect((await world.deliver(repository, { after: sha })).outcome?.runs).toHaveLength(2);
    const next = await repository.work.commit('A', { 'services/a/x.txt': '1' });
    await repository.push();
    const row = await world.deliver(repository, { before: sha, after: next });
    expect(row.outcome?.runs).toMatchObject([{ service: a, number: 2 }]);
    expect(row.outcome?.services).toContainEqual({
      service: b,
      message: 'not affected: no changed path matches services/b/** (on.paths)',
    });
    const none = await repository.work.commit('Docs', { 'README.md': '1' });
    await repository.push();
    expect(await world.deliver(repository, { before: next, after: none })).toMatchObject({
      status: 'ignored',
      outcome: { message: expect.stringContaining('No service is affected') },
    });
    expect(await world.head(repository)).toBe(none);
  });

  it('runs only for branches that the definition names', async () => {
    const { repository, service, sha } = await single('on: { push: { branches: [main, "release/*"] } }');
    await world.deliver(repository, { after: sha });
    await repository.work.git('checkout', '--quiet', '-b', 'feature/x');
    const feature = await repository.work.commit('Feature');
    await repository.push('feature/x');
    expect(
      (await world.deliver(repository, { ref: 'refs/heads/feature/x', after: feature })).outcome?.services,
    ).toEqual([
      { service, message: 'not affected: branch feature/x matches none of main, release/* (on.push.branches)' },
    ]);
    await repository.push('feature/x:release/1');
    expect(
      (await world.deliver(repository, { ref: 'refs/heads/release/1', after: feature })).outcome?.runs,
    ).toMatchObject([{ number: 2 }]);
  });

  it('starts nothing on pushes when the definition wants none', async () => {
    const { repository, sha } = await single('on: { manual: {} }');
    expect(await world.deliver(repository, { after: sha })).toMatchObject({
      status: 'ignored',
      outcome: { message: expect.stringContaining('starts no run on pushes') },
    });
  });

  it('compares a new branch with the default branch, and a rewritten one too', async () => {
    const { repository, b } = await pair();
    const on = 'on: { push: { branches: ["**"] }, paths: ["services/b/**"] }';
    const sha = await repository.work.commit('All branches', { 'services/b/sluice.yaml': definitionOf(b, on) });
    await repository.push();
    await world.deliver(repository, { after: sha });
    await repository.work.git('checkout', '--quiet', '-b', 'topic');
    const one = await repository.work.commit('Beside', { 'README.md': '1' });
    await repository.push('topic');
    expect((await world.deliver(repository, { ref: 'refs/heads/topic', after: one })).status).toBe('ignored');
    await repository.work.git('reset', '--quiet', '--hard', sha);
    const rewritten = await repository.work.commit('B', { 'services/b/x.txt': '1' });
    await repository.push('topic');
    expect(
      (await world.deliver(repository, { ref: 'refs/heads/topic', before: one, after: rewritten })).outcome?.runs,
    ).toMatchObject([{ service: b }]);
    expect(await world.head(repository, 'refs/heads/topic')).toBe(rewritten);
  });

  it('a folder that is renamed concerns the service that loses it and the one that gains it', async () => {
    const { repository, a, b, sha } = await pair();
    await world.deliver(repository, { after: sha });
    const grown = await repository.work.commit('A', { 'services/a/lib/x.txt': 'the same text\n'.repeat(20) });
    await repository.push();
    await world.deliver(repository, { before: sha, after: grown });
    await repository.work.git('mv', 'services/a/lib', 'services/b/lib');
    const moved = await repository.work.commit('Moved');
    await repository.push();
    const row = await world.deliver(repository, { before: grown, after: moved });
    expect(row.outcome?.runs?.map(({ service }) => service).sort()).toEqual([a, b]);
  });

  it('a rewritten default branch counts as changed everywhere', async () => {
    const { repository, a, b, sha } = await pair();
    await repository.work.commit('A', { 'services/a/x.txt': '1' });
    await repository.push();
    await world.deliver(repository, { before: sha, after: (await repository.work.git('rev-parse', 'HEAD')).trim() });
    await repository.work.git('reset', '--quiet', '--hard', sha);
    const rewritten = await repository.work.commit('Docs', { 'README.md': '1' });
    await repository.push();
    const row = await world.deliver(repository, { before: sha, after: rewritten });
    expect(row.outcome?.runs?.map(({ service }) => service).sort()).toEqual([a, b]);
  });

  it('reads a definition of the control plane where the repository has none', async () => {
    const service = unique('legacy');
    const repository = await world.repository({ [service]: '.' });
    const text = definitionOf(service);
    const file = `${service}/sluice.yaml`;
    world.kept.set(service, { file, text, definition: checkDefinition(text, file).definition! });
    const sha = await repository.work.commit('First', { 'a.txt': '1' });
    await repository.push();
    expect((await world.deliver(repository, { after: sha })).outcome?.runs).toMatchObject([{ service }]);
    expect((await world.runs(repository))[0]).toMatchObject({ status: 'queued' });
  });

  it('shows a broken or missing definition as a failed run on the default branch, and leaves other branches alone', async () => {
    const service = unique('broken');
    const repository = await world.repository({ [service]: '.' });
    const missing = await repository.work.commit('No file', { 'a.txt': '1' });
    await repository.push();
    await world.deliver(repository, { after: missing });
    const broken = await repository.work.commit('Broken', { 'sluice.yaml': 'service: [\n' });
    await repository.push();
    await world.deliver(repository, { before: missing, after: broken });
    const runs = await world.runs(repository);
    expect(runs.map((run) => [run.commit, run.status])).toEqual([
      [missing, 'failed'],
      [broken, 'failed'],
    ]);
    await repository.push('main:topic');
    expect((await world.deliver(repository, { ref: 'refs/heads/topic', after: broken })).status).toBe('ignored');
  });

  it.each([
    ['an escape', '    x: { image: a:1, env: { A: "a\\0b" }, steps: [{ run: x }] }'],
    ['a byte', '    # a\0b'],
  ])(
    'A36: a definition with NUL as %s is a failed run with its findings, never a delivery that is planned for ever',
    async (_, line) => {
      const service = unique('catalog');
      const repository = await world.repository({ [service]: '.' });
      const sha = await repository.work.commit('NUL', {
        'sluice.yaml': `service: ${service}\ncommit:\n  jobs:\n${line}\n`,
      });
      await repository.push();
      expect(await world.deliver(repository, { after: sha })).toMatchObject({ status: 'planned' });
      expect(await world.runs(repository)).toMatchObject([{ status: 'failed' }]);
    },
  );

  it('A31: never follows a definition that is a link: the run fails and says so', async () => {
    const service = unique('linked');
    const repository = await world.repository({ [service]: '.' });
    symlinkSync('/etc/passwd', join(repository.work.folder, 'sluice.yaml'));
    const sha = await repository.work.commit('Link');
    await repository.push();
    expect(await world.deliver(repository, { after: sha })).toMatchObject({ status: 'planned' });
    const [run] = await world.runs(repository);
    expect(run?.state).toMatchObject({
      status: 'failed',
      reason: { code: 'unreadable-definition', message: expect.stringContaining('no regular file') as unknown },
    });
  });

  it('A18: makes no run of a commit that is in the repository but not on the branch', async () => {
    const { repository } = await single();
    await repository.work.git('checkout', '--quiet', '-b', 'side');
    const side = await repository.work.commit('Beside');
    await repository.push('side');
    const deliveryId = await world.store(repository, { after: side });
    await expect(world.planner.plan({ deliveryId })).rejects.toThrow(/not reachable/);
    await expect(world.planner.plan({ deliveryId })).rejects.toThrow(/not reachable/);
    await world.planner.plan({ deliveryId });
    expect(await world.delivery(deliveryId)).toMatchObject({
      status: 'failed',
      outcome: { message: expect.stringContaining('not reachable from refs/heads/main') },
    });
    expect(await world.runs(repository)).toEqual([]);
    expect(await world.head(repository)).toBeUndefined();
  });

  it('A18: asks again for a commit that the repository does not show, and gives up with a sentence', async () => {
    const { repository } = await single();
    const deliveryId = await world.store(repository, { after: 'f'.repeat(40) });
    await expect(world.planner.plan({ deliveryId })).rejects.toThrow(/not in the repository/);
    await expect(world.planner.plan({ deliveryId })).rejects.toThrow(/not in the repository/);
    await world.planner.plan({ deliveryId });
    expect(await world.delivery(deliveryId)).toMatchObject({
      status: 'failed',
      outcome: { message: expect.stringContaining('Given up after 3 tries') },
    });
    expect(await world.runs(repository)).toEqual([]);
  });

  it('A27: plans a branch with shell characters in its name as data', async () => {
    const { repository, sha } = await single('on: { push: { branches: ["**"] } }');
    const branch = '$(touch${IFS}pwned)`id`;x\u202e';
    await repository.push(`main:refs/heads/${branch}`);
    const row = await world.deliver(repository, { ref: `refs/heads/${branch}`, after: sha });
    expect(row.status).toBe('planned');
    expect((await world.runs(repository))[0]).toMatchObject({ ref: `refs/heads/${branch}`, commit: sha });
  });

  it('waits for a forge that announces a push before all of its machines show the branch there', async () => {
    const { repository, sha } = await single();
    const next = await repository.work.commit('Second');
    await repository.push('main:topic');
    const deliveryId = await world.store(repository, { before: sha, after: next });
    await expect(world.planner.plan({ deliveryId })).rejects.toThrow(/not reachable/);
    await repository.push();
    await world.planner.plan({ deliveryId });
    expect((await world.runs(repository)).map((run) => run.commit)).toEqual([next]);
  });

  it('F51, F52, I20: one run however often and by whatever delivery the push is told', async () => {
    const { repository, service, sha } = await single();
    const first = await world.store(repository, { after: sha });
    const second = await world.store(repository, { after: sha });
    await Promise.all([
      world.planner.plan({ deliveryId: first }),
      world.planner.plan({ deliveryId: second }),
      world.planner.plan({ deliveryId: first }),
    ]);
    await world.planner.plan({ deliveryId: first });
    expect(await world.runs(repository)).toHaveLength(1);
    const told = [await world.delivery(first), await world.delivery(second)]
      .map((row) => String(row.outcome?.services?.[0]?.message))
      .sort();
    expect(told).toEqual(['run #1', 'run #1 was made of this already']);
    expect((await world.delivery(second)).outcome?.runs).toMatchObject([{ service, number: 1 }]);
  });

  it('F53, I21: an older push that comes after a newer one makes no run and moves no head', async () => {
    const { repository, sha } = await single();
    const newer = await repository.work.commit('Second');
    await repository.push();
    await world.deliver(repository, { before: sha, after: newer });
    const late = await world.deliver(repository, { after: sha });
    expect(late).toMatchObject({ status: 'ignored', outcome: { message: expect.stringContaining('is older than') } });
    expect((await world.runs(repository)).map((run) => run.commit)).toEqual([newer]);
    expect(await world.head(repository)).toBe(newer);
  });

  it('F53: what an overtaken push changed runs with the push that overtook it', async () => {
    const { repository, a, b, sha } = await pair();
    await world.deliver(repository, { after: sha });
    const changedA = await repository.work.commit('A', { 'services/a/x.txt': '1' });
    const changedB = await repository.work.commit('B', { 'services/b/x.txt': '1' });
    await repository.push();
    const row = await world.deliver(repository, { before: changedA, after: changedB });
    expect(row.outcome?.runs?.map((run) => run.service).sort()).toEqual([a, b].sort());
    expect((await world.deliver(repository, { before: sha, after: changedA })).status).toBe('ignored');
  });

  it('I21: the head goes back only when the branch itself was set back', async () => {
    const { repository, sha } = await single();
    const newer = await repository.work.commit('Second');
    await repository.push();
    await world.deliver(repository, { before: sha, after: newer });
    await repository.work.git('reset', '--quiet', '--hard', sha);
    await repository.push();
    expect((await world.deliver(repository, { before: newer, after: sha })).status).toBe('planned');
    expect(await world.head(repository)).toBe(sha);
  });

  it('forgets the head of a branch that is gone', async () => {
    const { repository, sha } = await single('on: { push: { branches: ["**"] } }');
    await repository.push('main:topic');
    await world.deliver(repository, { ref: 'refs/heads/topic', after: sha });
    expect(await world.head(repository, 'refs/heads/topic')).toBe(sha);
    await repository.push(':topic');
    expect(await world.deliver(repository, { ref: 'refs/heads/topic', before: sha, after: null })).toMatchObject({
      status: 'ignored',
      outcome: { message: expect.stringContaining('was deleted') },
    });
    expect(await world.head(repository, 'refs/heads/topic')).toBeUndefined();
  });

  it('tries an unreachable repository ten times, then says why on the delivery', async () => {
    const repository = await world.repository({ [unique('away')]: '.' }, `${world.host.origin}/nowhere.git`);
    const deliveryId = await world.store(repository, { after: 'a'.repeat(40) });
    for (let tried = 1; tried < 10; tried += 1)
      await expect(world.planner.plan({ deliveryId })).rejects.toThrow(/could not be fetched/);
    expect((await world.delivery(deliveryId)).status).toBe('received');
    await world.planner.plan({ deliveryId });
    expect(await world.delivery(deliveryId)).toMatchObject({
      status: 'failed',
      tries: 10,
      outcome: { message: expect.stringMatching(/could not be fetched.*Given up after 10 tries/) },
    });
  });

  it('A14: reads the stored address only', async () => {
    const { repository, sha } = await single();
    const deliveryId = await world.store(repository, { after: sha });
    await world.database.db
      .updateTable('deliveries')
      .set({
        payload: JSON.stringify({
          schemaVersion: 1,
          ref: 'refs/heads/main',
          before: null,
          after: sha,
          pusher: 'x',
          commits: [],
          repository: { clone_url: 'http://169.254.169.254/' },
        }),
      })
      .where('id', '=', deliveryId)
      .execute();
    await world.planner.plan({ deliveryId });
    expect((await world.delivery(deliveryId)).status).toBe('planned');
  });

  it.each(['plan:before-commit', 'run:before-commit'])(
    'F03: all runs of a delivery or none when it fails at %s; the next try makes them once',
    async (point) => {
      const { repository, sha } = await pair();
      const deliveryId = await world.store(repository, { after: sha });
      armFailpoints(`${point}=throw${point.startsWith('run') ? '@2' : ''}`, 'test');
      await expect(world.planner.plan({ deliveryId })).rejects.toThrow(/failpoint/);
      armFailpoints(undefined, 'test');
      expect(await world.runs(repository)).toEqual([]);
      expect(await world.head(repository)).toBeUndefined();
      expect((await world.delivery(deliveryId)).status).toBe('received');
      await world.planner.plan({ deliveryId });
      expect((await world.runs(repository)).map((run) => run.number)).toEqual([1, 1]);
    },
  );

  it('F04: a repetition after the commit changes nothing', async () => {
    const { repository, sha } = await single();
    const deliveryId = await world.store(repository, { after: sha });
    armFailpoints('plan:after-commit=throw', 'test');
    await expect(world.planner.plan({ deliveryId })).rejects.toThrow(/failpoint/);
    armFailpoints(undefined, 'test');
    await world.planner.plan({ deliveryId });
    expect(await world.runs(repository)).toHaveLength(1);
    expect((await world.delivery(deliveryId)).status).toBe('planned');
  });

  it('says that nothing is registered', async () => {
    const repository = await world.repository({});
    const sha = await repository.work.commit('First');
    await repository.push();
    expect(await world.deliver(repository, { after: sha })).toMatchObject({
      status: 'ignored',
      outcome: { message: expect.stringContaining('No service of this repository is registered') },
    });
  });
});
