import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { definitionOf, PlanningWorld } from './testing/planning-world.ts';

let world: PlanningWorld;
beforeAll(async () => {
  world = await PlanningWorld.open();
});
afterAll(() => world.close());

let names = 0;
async function service(on?: string) {
  const slug = `orders-${++names}`;
  const repository = await world.repository({ [slug]: '.' });
  const sha = await repository.work.commit('First', { 'sluice.yaml': definitionOf(slug, on) });
  await repository.push();
  return { slug, repository, sha };
}

describe('StartRun', () => {
  it('starts a run of the newest commit of the default branch, each time a new one, with an audit entry', async () => {
    const { slug, repository, sha } = await service();
    const person = world.person(repository, 'developer');
    expect(await world.startRun.start(person, { service: slug })).toMatchObject({ number: 1 });
    expect(await world.startRun.start(person, { service: slug, ref: 'refs/heads/main' })).toMatchObject({ number: 2 });
    const runs = await world.runs(repository);
    expect(runs).toMatchObject([
      { commit: sha, ref: 'refs/heads/main', trust: 'trusted' },
      { commit: sha, ref: 'refs/heads/main' },
    ]);
    expect(runs[0]?.state.trigger).toEqual({
      kind: 'manual',
      by: { kind: 'user', userId: person.userId, name: 'Mira' },
    });
    const entries = await world.database.db
      .selectFrom('audit_entries')
      .select(['action', 'detail'])
      .where('team_id', '=', repository.teamId)
      .execute();
    expect(entries).toMatchObject([
      { action: 'run.start', detail: { service: slug, commit: sha } },
      { action: 'run.start' },
    ]);
  });

  it('starts what pushes do not start, on any branch', async () => {
    const { slug, repository } = await service('on: { push: { branches: [main] } }');
    await repository.work.git('checkout', '--quiet', '-b', 'try/it');
    const sha = await repository.work.commit('Try');
    await repository.push('try/it');
    await world.startRun.start(world.person(repository, 'developer'), { service: slug, ref: 'try/it' });
    expect(await world.runs(repository)).toMatchObject([{ ref: 'refs/heads/try/it', commit: sha }]);
  });

  it('needs the role developer; for others than members the service does not exist', async () => {
    const { slug, repository } = await service();
    const other = await service();
    await expect(world.startRun.start(world.person(repository, 'viewer'), { service: slug })).rejects.toMatchObject({
      status: 403,
    });
    await expect(
      world.startRun.start(world.person(other.repository, 'developer'), { service: slug }),
    ).rejects.toMatchObject({ status: 404 });
    expect(await world.runs(repository)).toEqual([]);
  });

  it.each(['nope', '--output=x', '-h', 'a b', 'refs/tags/v1', 'refs/heads/../main', 'f'.repeat(40)])(
    'A18, A27: refuses %s, which is no branch of the repository',
    async (ref) => {
      const { slug, repository } = await service();
      await expect(
        world.startRun.start(world.person(repository, 'developer'), { service: slug, ref }),
      ).rejects.toMatchObject({ status: 422 });
    },
  );

  it('says when the repository cannot be reached', async () => {
    const slug = `away-${++names}`;
    const repository = await world.repository({ [slug]: '.' }, `${world.host.origin}/nowhere.git`);
    await expect(world.startRun.start(world.person(repository, 'developer'), { service: slug })).rejects.toMatchObject({
      status: 503,
      code: 'repository-unreachable',
    });
  });
});
