import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { definitionOf, PlanningWorld } from './testing/planning-world.ts';

let world: PlanningWorld;
beforeAll(async () => {
  world = await PlanningWorld.open();
});
afterAll(() => world.close());

let names = 0;
/** A service with one commit on main and a tag on it. */
async function tagged(on: string, tag = 'v1.0.0', ...options: string[]) {
  names += 1;
  const service = `tagged-${names}`;
  const repository = await world.repository({ [service]: '.' });
  const sha = await repository.work.commit('First', { 'sluice.yaml': definitionOf(service, on) });
  await repository.work.git('tag', ...options, tag);
  await repository.push('main');
  await repository.push(`refs/tags/${tag}`);
  const object = (await repository.work.git('rev-parse', `refs/tags/${tag}`)).trim();
  return { repository, service, sha, object, ref: `refs/tags/${tag}` };
}

describe('PlanTag', { timeout: 90_000 }, () => {
  it('runs the commit of a tag, trusted, with what conditions ask for', async () => {
    const { repository, service, sha, ref } = await tagged('on: { tag: { patterns: ["v*"] } }');
    const row = await world.deliver(repository, { ref, after: sha });
    expect(row).toMatchObject({ status: 'planned', outcome: { message: `1 of 1 services: ${service} #1` } });
    const [run] = await world.runs(repository);
    expect(run).toMatchObject({ ref, commit: sha, trust: 'trusted' });
    expect(run?.state).toMatchObject({
      trigger: { kind: 'tag', by: { name: 'jonas' } },
      plan: { facts: { event: 'tag', tag: 'v1.0.0', branch: '' } },
    });
    // A tag is no head of a branch.
    expect(await world.head(repository, ref)).toBeUndefined();
  });

  it.each([
    ['the tag object', 'object'],
    ['its commit', 'sha'],
  ] as const)('an annotated tag may be told by %s', async (_, told) => {
    const made = await tagged('on: { tag: {} }', 'v2', '-a', '-m', 'Two');
    expect(made.object).not.toBe(made.sha);
    const row = await world.deliver(made.repository, { ref: made.ref, after: made[told] });
    expect(row.status).toBe('planned');
    expect(await world.runs(made.repository)).toMatchObject([{ commit: made.sha }]);
  });

  it('F52: told twice it runs once, by its commit and by its tag object', async () => {
    const { repository, object, sha, ref } = await tagged('on: { tag: {} }', 'v3', '-a', '-m', 'Three');
    await world.deliver(repository, { ref, after: object });
    await world.deliver(repository, { ref, after: sha });
    expect(await world.runs(repository)).toHaveLength(1);
  });

  it('runs again when the tag was moved to another commit', async () => {
    const { repository, sha, ref } = await tagged('on: { tag: {} }');
    await world.deliver(repository, { ref, after: sha });
    const next = await repository.work.commit('Second', { 'x.txt': '1' });
    await repository.work.git('tag', '--force', 'v1.0.0');
    await repository.push(ref);
    expect((await world.deliver(repository, { ref, before: sha, after: next })).status).toBe('planned');
    expect(await world.runs(repository)).toHaveLength(2);
  });

  it('says which tags it would take', async () => {
    const { repository, sha, ref } = await tagged('on: { tag: { patterns: ["v*", "rc/**"] } }', 'nightly');
    expect(await world.deliver(repository, { ref, after: sha })).toMatchObject({
      status: 'ignored',
      outcome: { message: expect.stringContaining('tag nightly matches none of v*, rc/** (on.tag.patterns)') },
    });
  });

  it('starts nothing where the definition names no tags, whatever its pushes do', async () => {
    const { repository, sha, ref } = await tagged('on: { push: { branches: ["**"] } }');
    expect(await world.deliver(repository, { ref, after: sha })).toMatchObject({
      outcome: { message: expect.stringContaining('starts no run on tags (on.tag)') },
    });
  });

  it('asks for no paths: a tag names a whole state', async () => {
    const { repository, sha, ref } = await tagged('on: { tag: {}, paths: ["nowhere/**"] }');
    expect((await world.deliver(repository, { ref, after: sha })).status).toBe('planned');
  });

  it('A18: a commit that the tag does not name is given up, and nothing runs', async () => {
    const { repository, sha, ref } = await tagged('on: { tag: {} }');
    const other = await repository.work.commit('Beside', { 'x.txt': '1' });
    await repository.push('main');
    const deliveryId = await world.store(repository, { ref, after: other });
    for (let tries = 0; tries < 2; tries += 1)
      await expect(world.planner.plan({ deliveryId })).rejects.toThrow(/v1.0.0/);
    await world.planner.plan({ deliveryId });
    expect(await world.delivery(deliveryId)).toMatchObject({
      status: 'failed',
      outcome: { message: expect.stringContaining(`does not name ${other.slice(0, 12)}`) },
    });
    expect(await world.runs(repository)).toEqual([]);
    expect(sha).not.toBe(other);
  });
});
