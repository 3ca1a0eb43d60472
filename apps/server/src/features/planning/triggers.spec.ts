import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sql } from 'kysely';
import type { OutboxMessages, OutboxTopic } from '../../platform/outbox/messages.ts';
import { definitionOf, PlanningWorld, type TestRepository } from './testing/planning-world.ts';

let world: PlanningWorld;
beforeAll(async () => {
  world = await PlanningWorld.open();
});
afterAll(() => world.close());
beforeEach(async () => {
  await world.database.db.deleteFrom('outbox').execute();
  await world.database.db.updateTable('schedules').set({ next_at: null }).execute();
});

let names = 0;
async function service(on: string) {
  const slug = `nightly-${++names}`;
  const repository = await world.repository({ [slug]: '.' });
  const commit = async (text: string, what = 'main') => {
    const sha = await repository.work.commit('Change', { 'sluice.yaml': text });
    await repository.push(what);
    return sha;
  };
  const push = async (text: string) => world.deliver(repository, { after: await commit(text) });
  await push(definitionOf(slug, on));
  return { slug, repository, commit, push };
}

async function schedules(repository: TestRepository) {
  return world.database.db
    .selectFrom('schedules')
    .selectAll()
    .where('team_id', '=', repository.teamId)
    .orderBy('cron')
    .execute();
}
const messages = async <T extends OutboxTopic>(topic: T) =>
  (await world.database.db.deleteFrom('outbox').where('topic', '=', topic).returning('payload').execute()).map(
    ({ payload }) => payload as OutboxMessages[T],
  );
/** As if the time had come. */
const make = (repository: TestRepository, due: string) =>
  world.database.db
    .updateTable('schedules')
    .set({ next_at: sql<Date>`now() - ${due}::interval` })
    .where('team_id', '=', repository.teamId)
    .execute();
async function sweep(): Promise<OutboxMessages['start-scheduled'][]> {
  await Promise.all(world.schedules.map((replica) => replica.sweep()));
  return messages('start-scheduled');
}
const runsAfterPush = async (repository: TestRepository) =>
  (await world.runs(repository)).filter(({ state }) => state.trigger.kind !== 'push');

describe('schedules', () => {
  it('are those of the definition on the default branch, and follow its changes', async () => {
    const { slug, repository, push, commit } = await service(
      `on: { push: {}, schedule: [{ cron: '0 6 * * *' }, { cron: '0 3 * * *', timezone: Europe/Berlin, branch: other }] }`,
    );
    const first = await schedules(repository);
    expect(first).toMatchObject([
      { cron: '0 3 * * *', timezone: 'Europe/Berlin', branch: 'other', last_at: null },
      { cron: '0 6 * * *', timezone: 'UTC', branch: null },
    ]);
    expect(first[1]!.next_at!.toISOString()).toMatch(/T06:00:00.000Z$/);
    await push(definitionOf(slug, `on: { push: {}, schedule: [{ cron: '0 6 * * *' }, { cron: '0 7 * * *' }] }`));
    expect((await schedules(repository)).map(({ id, cron }) => [id === first[1]!.id, cron])).toEqual([
      [true, '0 6 * * *'],
      [false, '0 7 * * *'],
    ]);
    await push(`service: ${slug}\non: [what`);
    expect(await schedules(repository)).toHaveLength(2);
    await repository.work.git('checkout', '--quiet', '-b', 'side');
    const sha = await commit(definitionOf(slug, `on: { push: { branches: [side] } }`), 'side');
    await world.deliver(repository, { ref: 'refs/heads/side', after: sha });
    expect(await schedules(repository)).toHaveLength(2);
    await repository.work.git('checkout', '--quiet', 'main');
    await push(definitionOf(slug));
    expect(await schedules(repository)).toEqual([]);
  });

  it('are read when a service is registered, before the first push', async () => {
    const { repository } = await service(`on: { push: {}, schedule: [{ cron: '0 6 * * *' }] }`);
    await world.database.db.deleteFrom('schedules').where('team_id', '=', repository.teamId).execute();
    const { id } = await world.database.db
      .selectFrom('services')
      .select('id')
      .where('team_id', '=', repository.teamId)
      .executeTakeFirstOrThrow();
    await world.readTriggers.read({ serviceId: id, since: new Date().toISOString() });
    expect(await schedules(repository)).toMatchObject([{ cron: '0 6 * * *' }]);
  });

  it('F26: two replicas and a doubled order make one run of a time', async () => {
    const { repository } = await service(`on: { schedule: [{ cron: '*/30 * * * *' }] }`);
    await make(repository, '5 seconds');
    const [order, ...more] = await sweep();
    expect(more).toEqual([]);
    await Promise.all([world.startScheduled.run(order!), world.startScheduled.run(order!)]);
    await world.startScheduled.run(order!);
    const runs = await runsAfterPush(repository);
    expect(runs).toMatchObject([{ ref: 'refs/heads/main', trust: 'trusted' }]);
    expect(runs[0]!.state.trigger).toEqual({
      kind: 'schedule',
      by: { kind: 'system', name: 'Sluice' },
      schedule: { cron: '*/30 * * * *', timezone: 'UTC', at: order!.at },
    });
    expect(runs[0]!.state.plan.facts.event).toBe('schedule');
    expect(await sweep()).toEqual([]);
    const [row] = await schedules(repository);
    expect(row!.next_at!.getTime()).toBeGreaterThan(Date.now());
    expect(row).toMatchObject({ last_at: new Date(order!.at), problem: null });
  });

  it('times that were missed while no server ran are one run, not a flood', async () => {
    const { repository } = await service(`on: { schedule: [{ cron: '*/5 * * * *' }] }`);
    await make(repository, '3 days');
    const orders = [...(await sweep()), ...(await sweep())];
    expect(orders).toHaveLength(1);
    expect((await schedules(repository))[0]!.next_at!.getTime()).toBeGreaterThan(Date.now());
  });

  it('F26: only the clock of the database decides', async () => {
    const { repository } = await service(`on: { schedule: [{ cron: '0 6 * * *' }] }`);
    await world.database.db
      .updateTable('schedules')
      .set({ next_at: sql<Date>`now() + interval '1 hour'` })
      .where('team_id', '=', repository.teamId)
      .execute();
    world.now = () => new Date(Date.now() + 86_400_000);
    expect(await sweep()).toEqual([]);
    world.now = () => new Date();
  });

  it('say why no run was started, and start one of the branch they name once it is there', async () => {
    const { slug, repository, commit } = await service(`on: { schedule: [{ cron: '0 6 * * *', branch: release/1 }] }`);
    const fire = async () => {
      await make(repository, '1 second');
      for (const order of await sweep()) await world.startScheduled.run(order);
      return (await schedules(repository))[0]!.problem;
    };
    expect(await fire()).toBe('The repository has no branch release/1; push it, or name another one.');
    expect(await runsAfterPush(repository)).toEqual([]);
    await repository.work.git('checkout', '--quiet', '-b', 'release/1');
    const sha = await commit(definitionOf(slug), 'release/1');
    expect(await fire()).toBeNull();
    expect(await runsAfterPush(repository)).toMatchObject([{ ref: 'refs/heads/release/1', commit: sha }]);
  });

  it('F66: a repository that cannot be read is tried again for some minutes, then it is said', async () => {
    const { repository } = await service(`on: { schedule: [{ cron: '0 6 * * *' }] }`);
    await world.database.db
      .updateTable('repositories')
      .set({ url: `${world.host.origin}/nowhere.git` })
      .where('id', '=', repository.id)
      .execute();
    await make(repository, '1 second');
    const [order] = await sweep();
    await expect(world.startScheduled.run(order!)).rejects.toThrow(/repository/i);
    world.now = () => new Date(Date.now() + 16 * 60_000);
    await world.startScheduled.run(order!);
    world.now = () => new Date();
    expect((await schedules(repository))[0]!.problem).toMatch(/repository/i);
    expect(await runsAfterPush(repository)).toEqual([]);
  });
});

describe('runs after a release', () => {
  /** Services of one team, each in a repository of its own; `on.release` by slug. */
  async function team(waiting: Readonly<Record<string, string>>) {
    const made = ++names;
    const name = (slug: string) => `${slug}-${made}`;
    const files = Object.entries(waiting).map(([slug, on]) => [
      `${slug}/sluice.yaml`,
      definitionOf(name(slug), on.replaceAll('@', `-${made}`)),
    ]);
    const repository = await world.repository(
      Object.fromEntries(Object.keys(waiting).map((slug) => [name(slug), slug])),
    );
    const after = await repository.work.commit('All', Object.fromEntries(files) as Record<string, string>);
    await repository.push();
    await world.deliver(repository, { after });
    return { repository, name };
  }

  /** A release of the newest run of a service, live in an environment. */
  async function goLive(
    repository: TestRepository,
    slug: string,
    environment: string,
    route = ['staging', 'production'],
  ) {
    const { db } = world.database;
    const ids = Array.from({ length: 3 }, () => crypto.randomUUID()) as [string, string, string];
    const run = await db
      .selectFrom('runs')
      .innerJoin('services', 'services.id', 'runs.service_id')
      .select(['runs.id', 'runs.service_id', 'runs.number', 'runs.commit'])
      .where('services.slug', '=', slug)
      .orderBy('runs.number', 'desc')
      .executeTakeFirstOrThrow();
    const [deploymentId, newId, laneId] = ids;
    await sql`insert into environments (id, team_id, name, settings, settings_hash)
      values (gen_random_uuid(), ${repository.teamId}, ${environment}, '{}', '') on conflict do nothing`.execute(db);
    const { id: environmentId } = await db
      .selectFrom('environments')
      .select('id')
      .where('team_id', '=', repository.teamId)
      .where('name', '=', environment)
      .executeTakeFirstOrThrow();
    const { rows } = await sql<{ id: string }>`
      insert into releases (id, team_id, service_id, run_id, run_number, commit, repository, digest, plan_hash, route, evidence)
      values (${newId}, ${repository.teamId}, ${run.service_id}, ${run.id}, ${run.number}, ${run.commit}, 'r', 'd', '', ${JSON.stringify(route)}::jsonb, '{}')
      on conflict (run_id) do update set digest = releases.digest returning id`.execute(db);
    const releaseId = rows[0]!.id;
    await sql`insert into lanes (id, team_id, service_id, environment_id, version, state)
      values (${laneId}, ${repository.teamId}, ${run.service_id}, ${environmentId}, 1, '{}')
      on conflict (service_id, environment_id) do update set version = lanes.version`.execute(db);
    await sql`insert into deployments (id, team_id, lane_id, service_id, environment_id, release_id, status, requested_by, binding, settings, entered_at)
      values (${deploymentId}, ${repository.teamId}, (select id from lanes where service_id = ${run.service_id} and environment_id = ${environmentId}),
        ${run.service_id}, ${environmentId}, ${releaseId}, 'passed', '{}', '', '{}', now())`.execute(db);
    return deploymentId;
  }
  async function tell(deploymentId: string) {
    await world.afterRelease.order({ deploymentId });
    const orders = await messages('start-after-release');
    for (const order of orders) await world.afterRelease.run(order);
    return orders;
  }
  const started = async (repository: TestRepository) =>
    (await runsAfterPush(repository)).map(({ slug, state }) => ({ slug, trigger: state.trigger }));

  it('start once the release is live in the environment they wait for: by default the last of its route', async () => {
    const { repository, name } = await team({
      prices: 'on: { push: {} }',
      shop: 'on: { push: {}, release: [{ service: prices@ }] }',
      early: 'on: { push: {}, release: [{ service: prices@, environment: staging }] }',
    });
    await tell(await goLive(repository, name('prices'), 'staging'));
    expect(await started(repository)).toMatchObject([{ slug: name('early') }]);
    const deploymentId = await goLive(repository, name('prices'), 'production');
    await tell(deploymentId);
    await tell(deploymentId);
    expect(await started(repository)).toEqual([
      expect.objectContaining({ slug: name('early') }),
      {
        slug: name('shop'),
        trigger: {
          kind: 'release',
          by: { kind: 'system', name: 'Sluice' },
          after: { service: name('prices'), environment: 'production', deploymentId, chain: [name('prices')] },
        },
      },
    ]);
  });

  it('stay within the team', async () => {
    const { repository, name } = await team({ prices: 'on: { push: {} }' });
    const other = await team({ spy: `on: { push: {}, release: [{ service: ${name('prices')} }] }` });
    expect(await tell(await goLive(repository, name('prices'), 'production'))).toEqual([]);
    expect(await started(other.repository)).toEqual([]);
  });

  it('a chain that would come back to one of its services is stopped there, with the reason', async () => {
    const { repository, name } = await team({
      a: 'on: { push: {}, release: [{ service: b@ }] }',
      b: 'on: { push: {}, release: [{ service: a@ }] }',
    });
    await tell(await goLive(repository, name('a'), 'production'));
    await tell(await goLive(repository, name('b'), 'production'));
    expect(await started(repository)).toMatchObject([{ slug: name('b') }]);
    const stopped = await world.database.db
      .selectFrom('release_triggers')
      .selectAll()
      .where('source', '=', name('b'))
      .executeTakeFirst();
    expect(stopped?.problem).toBe(
      `No run was started: ${name('a')} -> ${name('b')} -> ${name('a')} would go round for ever.`,
    );
  });
});
