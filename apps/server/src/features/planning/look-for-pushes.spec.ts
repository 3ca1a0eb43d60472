import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Config } from '../../platform/config/config.ts';
import { SETTLE_MS } from './look-for-pushes.ts';
import { LookRegularly } from './look-regularly.ts';
import { definitionOf, PlanningWorld, type TestRepository } from './testing/planning-world.ts';

let world: PlanningWorld;
beforeAll(async () => {
  world = await PlanningWorld.open();
});
afterAll(() => world.close());

let names = 0;
/** A service whose first push was announced, and whose branches were looked at since. */
async function known(on?: string) {
  names += 1;
  const service = `looked-${names}`;
  const repository = await world.repository({ [service]: '.' });
  const first = await repository.work.commit('First', { 'sluice.yaml': definitionOf(service, on) });
  await repository.push();
  await world.deliver(repository, { after: first });
  await world.looks.look(repository.id, 0);
  return { repository, service, first };
}

async function push(repository: TestRepository, message: string, branch = 'main'): Promise<string> {
  const sha = await repository.work.commit(message, { [`${message}.txt`]: '1' });
  await repository.push(`HEAD:refs/heads/${branch}`);
  return sha;
}

const deliveriesOf = (repository: TestRepository) =>
  world.database.db
    .selectFrom('deliveries')
    .selectAll()
    .where('repository_id', '=', repository.id)
    .orderBy('id')
    .execute();

/** Plans everything that is stored and open. */
async function planAll(repository: TestRepository): Promise<void> {
  for (const { id } of await deliveriesOf(repository)) await world.planner.plan({ deliveryId: id });
}

describe('a look at the branches', { timeout: 90_000 }, () => {
  it('F55: finds the push that no webhook announced, and its run is made once', async () => {
    const { repository, first } = await known();
    const missed = await push(repository, 'Missed');
    expect((await world.looks.look(repository.id, 0)).found).toEqual([{ ref: 'refs/heads/main', commit: missed }]);
    expect((await world.looks.look(repository.id, 0)).found).toEqual([]);
    await planAll(repository);
    expect((await world.looks.look(repository.id, 0)).found).toEqual([]);
    expect((await world.runs(repository)).map(({ commit }) => commit)).toEqual([first, missed]);
    // Nobody is proven to have pushed it, so nobody counts as independent of it.
    expect((await world.runs(repository))[1]?.state.trigger).toEqual({
      kind: 'push',
      by: { kind: 'forge', name: 'anonymous' },
    });
  });

  it('F52: a webhook that comes after all makes no second run, before it or after', async () => {
    const { repository } = await known();
    const late = await push(repository, 'Late');
    await world.looks.look(repository.id, 0);
    await planAll(repository);
    await world.deliver(repository, { after: late });
    const early = await push(repository, 'Early');
    await world.store(repository, { after: early });
    expect((await world.looks.look(repository.id, 0)).found).toEqual([]);
    await planAll(repository);
    expect(await world.runs(repository)).toHaveLength(3);
  });

  it('leaves a webhook its time, and comes to it at the next look', async () => {
    const { repository } = await known();
    const fresh = await push(repository, 'Fresh');
    expect(await world.looks.look(repository.id, SETTLE_MS)).toEqual({ found: [], unsettled: 1 });
    world.clock.pass(SETTLE_MS);
    expect(await world.looks.look(repository.id, SETTLE_MS)).toEqual({
      found: [{ ref: 'refs/heads/main', commit: fresh }],
      unsettled: 0,
    });
  });

  it('a branch that moves on while it is waited for is found at its newest head', async () => {
    const { repository } = await known();
    await push(repository, 'Older');
    await world.looks.look(repository.id, SETTLE_MS);
    const newer = await push(repository, 'Newer');
    world.clock.pass(SETTLE_MS);
    await world.looks.look(repository.id, SETTLE_MS);
    world.clock.pass(SETTLE_MS);
    expect((await world.looks.look(repository.id, SETTLE_MS)).found).toMatchObject([{ commit: newer }]);
  });

  it('finds a new branch, and only it', async () => {
    const { repository } = await known('on: { push: { branches: ["**"] } }');
    const topic = await push(repository, 'Topic', 'topic');
    expect((await world.looks.look(repository.id, 0)).found).toEqual([{ ref: 'refs/heads/topic', commit: topic }]);
  });

  it('the first one makes no runs of what lies in a repository already', async () => {
    names += 1;
    const repository = await world.repository({ [`old-${names}`]: '.' });
    await repository.work.commit('Long ago', { 'sluice.yaml': definitionOf(`old-${names}`) });
    await repository.push();
    expect((await world.looks.look(repository.id, 0)).found).toEqual([]);
    expect((await world.looks.look(repository.id, 0)).found).toEqual([]);
    const missed = await push(repository, 'Missed');
    expect((await world.looks.look(repository.id, 0)).found).toMatchObject([{ commit: missed }]);
  });

  it('the first one of an empty repository misses nothing that comes after it', async () => {
    names += 1;
    const repository = await world.repository({ [`empty-${names}`]: '.' });
    await world.looks.look(repository.id, 0);
    await repository.work.commit('First', { 'sluice.yaml': definitionOf(`empty-${names}`) });
    await repository.push();
    expect((await world.looks.look(repository.id, 0)).found).toHaveLength(1);
  });

  it('does not care for branches that are gone, and takes one that comes back as new', async () => {
    const { repository } = await known('on: { push: { branches: ["**"] } }');
    const topic = await push(repository, 'Topic', 'topic');
    await world.looks.look(repository.id, 0);
    await planAll(repository);
    await repository.push(':topic');
    expect((await world.looks.look(repository.id, 0)).found).toEqual([]);
    await repository.push(`${topic}:refs/heads/topic`);
    await world.looks.look(repository.id, 0);
    await planAll(repository);
    expect((await world.runs(repository)).filter(({ commit }) => commit === topic)).toHaveLength(1);
  });

  it('plans again what could not be planned when it was announced', async () => {
    const { repository } = await known();
    const failed = await push(repository, 'Failed');
    const id = await world.store(repository, { after: failed });
    await world.database.db.updateTable('deliveries').set({ status: 'failed' }).where('id', '=', id).execute();
    expect((await world.looks.look(repository.id, 0)).found).toMatchObject([{ commit: failed }]);
  });
});

describe('looks every few minutes', { timeout: 90_000 }, () => {
  const MINUTE = 60_000;
  const replica = () => new LookRegularly(world.database.db, world.clock, world.looks, { lookMinutes: 5 } as Config);
  /** The repositories of the earlier specs are never due again: each look is some processes of git. */
  beforeEach(async () => {
    const looked_at = new Date(world.clock.now().getTime() + 1_000_000 * MINUTE);
    await world.database.db.updateTable('repositories').set({ looked_at }).execute();
  });

  it('F55: two replicas look once at each repository, and find a missed push once', async () => {
    const { repository } = await known();
    const missed = await push(repository, 'Missed');
    for (const other of [1, 2]) await world.repository({ [`also-${names}-${other}`]: '.' });
    world.clock.pass(5 * MINUTE);
    const looks = await Promise.all([replica().sweep(), replica().sweep()]);
    expect(looks[0]! + looks[1]!).toBe(3);
    expect(await Promise.all([replica().sweep(), replica().sweep()])).toEqual([0, 0]);
    // Freshly seen: it is come back to after a minute, not after five.
    world.clock.pass(MINUTE);
    expect(await Promise.all([replica().sweep(), replica().sweep()])).toSatisfy(
      ([one = 0, other = 0]: number[]) => one + other === 1,
    );
    await planAll(repository);
    expect((await deliveriesOf(repository)).filter(({ delivery_key: key }) => key.startsWith('look:'))).toHaveLength(1);
    expect((await world.runs(repository)).map(({ commit }) => commit)).toContain(missed);
  });

  it('one that cannot be reached keeps the others from nothing', async () => {
    names += 1;
    await world.repository({ [`gone-${names}`]: '.' }, `${world.host.origin}/nowhere.git`);
    const { repository } = await known();
    await push(repository, 'Missed');
    world.clock.pass(5 * MINUTE);
    await replica().sweep();
    world.clock.pass(MINUTE);
    await replica().sweep();
    expect((await deliveriesOf(repository)).at(-1)).toMatchObject({ ref: 'refs/heads/main', status: 'received' });
  });
});

describe('a look that a person asks for', { timeout: 90_000 }, () => {
  it('says what was found, and is on record', async () => {
    const { repository } = await known();
    const missed = await push(repository, 'Missed');
    const answer = await world.lookNow.look(world.person(repository, 'developer'), {
      team: repository.team,
      repositoryId: repository.id,
    });
    expect(answer).toEqual({ found: [{ ref: 'refs/heads/main', commit: missed }] });
    const entries = await world.database.db
      .selectFrom('audit_entries')
      .select('detail')
      .where('subject', '=', `repository:${repository.id}`)
      .execute();
    expect(entries).toEqual([{ detail: answer }]);
  });

  it('is not for viewers, nor for repositories of other teams', async () => {
    const { repository } = await known();
    const other = await known();
    const look = (role: 'viewer' | 'developer', of: TestRepository) =>
      world.lookNow.look(world.person(repository, role), { team: repository.team, repositoryId: of.id });
    await expect(look('viewer', repository)).rejects.toMatchObject({ status: 403 });
    await expect(look('developer', other.repository)).rejects.toMatchObject({ status: 404 });
  });

  it('says that the repository cannot be reached', async () => {
    names += 1;
    const repository = await world.repository({ [`gone-${names}`]: '.' }, `${world.host.origin}/nowhere.git`);
    await expect(
      world.lookNow.look(world.person(repository, 'developer'), { team: repository.team, repositoryId: repository.id }),
    ).rejects.toMatchObject({ status: 503, message: expect.stringContaining('could not be fetched') });
  });
});
