import { Logger } from '@nestjs/common';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '@sluice/testing';
import { testDatabase, type TestDatabase } from '../../platform/db/testing/test-database.ts';
import { TargetSilentError, TargetUnusableError } from './target.port.ts';
import { DeploymentBench, type Replica, type TestLane } from './testing/deployment-bench.ts';
import { ScriptedTarget } from './testing/scripted-target.ts';

const TARGET = { kind: 'docker', engine: 'unix:///nowhere/engine.sock' };
const QUICK = { claimMs: 500, renewMs: 100, backoffMs: 50 };
const DIGEST = `sha256:${'1'.repeat(64)}`;

describe('driving a deployment', () => {
  let database: TestDatabase;
  let bench: DeploymentBench;
  let target: ScriptedTarget;
  let services = 0;

  beforeAll(async () => {
    Logger.overrideLogger(false);
    database = await testDatabase();
    bench = new DeploymentBench(database);
  });
  afterAll(() => database.close());
  beforeEach(() => {
    target = new ScriptedTarget();
  });

  const newLane = (settings: object = TARGET): Promise<TestLane> => bench.lane(`service-${(services += 1)}`, settings);
  const deploy = async (lane?: TestLane) =>
    bench.deploy(lane ?? (await newLane()), 'registry.example.com/shop', DIGEST);
  const replica = (settings: object = {}): Replica => bench.replica({ ...QUICK, ...settings }, target);
  const texts = async (id: string) => (await bench.row(id)).target_events.map(({ text }) => text);
  const ended = (id: string) =>
    eventually(async () => ((await bench.row(id)).finished_at === null ? undefined : bench.row(id)), {
      describe: 'the end',
    });
  const laneOf = async (id: string) =>
    (
      await database.db
        .selectFrom('lanes')
        .select('state')
        .where('id', '=', (await bench.row(id)).lane_id)
        .executeTakeFirstOrThrow()
    ).state;

  it('P9 is found by the sweep without any message, and tells each step in a sentence', async () => {
    const id = await deploy();
    const one = replica();
    await one.resume.sweep();
    const row = await ended(id);
    expect(row).toMatchObject({
      status: 'passed',
      holder: null,
      intent: { kind: 'docker', digest: DIGEST },
      cursor: { acted: true, pending: null },
    });
    expect(await texts(id)).toEqual([
      expect.stringContaining(`registry.example.com/shop@${DIGEST}`),
      'Doing begin.',
      'Doing finish.',
      'It is done.',
    ]);
    expect((await laneOf(id)).live?.deploymentId).toBe(id);
    const { count } = await database.db
      .selectFrom('outbox')
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .where('topic', '=', 'changed')
      .where('payload', '@>', JSON.stringify({ topics: [`deployment:${id}`] }) as never)
      .executeTakeFirstOrThrow();
    expect(Number(count)).toBeGreaterThanOrEqual(4);
  });

  it('F09 the intention is stored before the call', async () => {
    const id = await deploy();
    const seen: unknown[] = [];
    target.onAct = async () => void seen.push((await bench.row(id)).cursor);
    await bench.drive(id, replica());
    expect(seen).toMatchObject([
      { pending: { action: 'begin' } },
      { pending: { action: 'finish' }, memory: { begin: true } },
    ]);
  });

  it('I13 two replicas never drive the same deployment', async () => {
    const id = await deploy();
    const gate = Promise.withResolvers<void>();
    target.onAct = () => gate.promise;
    const [one, two] = [replica(), replica()];
    one.drives.start(id);
    await eventually(() => target.acting.size === 1);
    const { looks } = target;
    const begun = (await bench.row(id)).holder_until!.getTime();
    for (let sweep = 0; sweep < 5; sweep += 1) await two.resume.sweep();
    await eventually(() => two.drives.size === 0);
    // Longer than the claim: it is renewed while the call lasts.
    await eventually(async () => {
      const { holder_until: held } = await bench.row(id);
      return held!.getTime() > begun + QUICK.claimMs * 2;
    });
    await two.drive.drive(id, new AbortController().signal);
    expect(target.looks).toBe(looks);
    gate.resolve();
    await ended(id);
    expect(target.done.filter((entry) => entry.startsWith(id))).toHaveLength(2);
  });

  it('F12 a replica that stops lets its call end, writes the result and gives the claim back', async () => {
    const id = await deploy();
    const gate = Promise.withResolvers<void>();
    target.onAct = () => gate.promise;
    const one = replica({ claimMs: 60_000 });
    one.drives.start(id);
    await eventually(() => target.acting.size === 1);
    const stopped = one.drives.stop();
    gate.resolve();
    await stopped;
    expect(await bench.row(id)).toMatchObject({
      status: 'running',
      holder: null,
      cursor: { memory: { begin: true }, pending: null },
    });
    await replica().resume.sweep();
    expect(await ended(id)).toMatchObject({ status: 'passed' });
    expect(target.done.filter((entry) => entry.startsWith(id))).toHaveLength(2);
  });

  it('F12 a driver that lost its claim writes nothing more', async () => {
    const id = await deploy();
    const other = bench.ids.next();
    target.onAct = async () => {
      await database.db
        .updateTable('deployments')
        .set({ holder: other, holder_until: new Date(Date.now() + 60_000) })
        .where('id', '=', id)
        .execute();
    };
    await replica().drive.drive(id, new AbortController().signal);
    expect(await bench.row(id)).toMatchObject({
      status: 'running',
      holder: other,
      cursor: { pending: { action: 'begin' } },
    });
    expect(await texts(id)).not.toContain('Doing finish.');
  });

  it('drives several deployments side by side in one process', async () => {
    const ids = await Promise.all([deploy(), deploy(), deploy(), deploy()]);
    const gate = Promise.withResolvers<void>();
    target.onAct = () => gate.promise;
    const one = replica();
    await one.resume.sweep();
    await eventually(() => target.acting.size === ids.length);
    gate.resolve();
    for (const id of ids) expect(await ended(id)).toMatchObject({ status: 'passed' });
  });

  it('F11 silence is never an end: unknown after the limit, the lane held, and resolved when the target answers', async () => {
    const lane = await newLane();
    const id = await deploy(lane);
    let silent = true;
    target.onObserve = () => {
      if (silent && target.done.length > 0) throw new TargetSilentError('the engine does not answer');
    };
    const one = replica({ silenceLimitMs: 100 });
    one.drives.start(id);
    await eventually(async () => (await bench.row(id)).status === 'unknown');
    expect((await bench.row(id)).reason).toMatchObject({
      code: 'target-silent',
      message: expect.stringContaining('the engine does not answer'),
    });
    const next = await deploy(lane);
    expect(await bench.row(next)).toMatchObject({ status: 'waiting' });
    silent = false;
    expect(await ended(id)).toMatchObject({ status: 'passed', reason: null });
    expect(await texts(id)).toContain('The target answers again.');
    expect((await texts(id)).filter((text) => text.startsWith('No answer from the target'))).toHaveLength(1);
    await eventually(async () => (await bench.row(next)).status === 'running');
  });

  it('F11 a call without an answer is looked up, not repeated', async () => {
    const id = await deploy();
    target.onAct = (_, name) => {
      target.onAct = () => undefined;
      target.done.push(`${id} ${name}`);
      throw new TargetSilentError('the answer was lost');
    };
    await bench.drive(id, replica());
    expect(target.done.filter((entry) => entry === `${id} begin`)).toHaveLength(1);
  });

  it('an error of the target’s own code is treated as silence and driving goes on', async () => {
    const id = await deploy();
    let misses = 2;
    target.onObserve = () => {
      if ((misses -= 1) >= 0) throw new TypeError('x is not a function');
    };
    expect(await bench.drive(id, replica())).toMatchObject({ status: 'passed' });
    expect(await texts(id)).toEqual(
      expect.arrayContaining([expect.stringContaining('an error inside Sluice: x is not a function')]),
    );
  });

  it('unusable settings end as errored while nothing was attempted, and never afterwards', async () => {
    const early = await deploy();
    target.onObserve = () => Promise.reject(new TargetUnusableError('The secret ENGINE_KEY has no value here.'));
    expect(await bench.drive(early, replica())).toMatchObject({
      status: 'errored',
      reason: { code: 'target-unusable', message: 'The secret ENGINE_KEY has no value here.' },
    });
    const late = await deploy();
    let looks = 0;
    target.onObserve = () => {
      looks += 1;
      if (looks === 2 || looks === 3) throw new TargetUnusableError('The secret ENGINE_KEY has no value here.');
    };
    expect(await bench.drive(late, replica())).toMatchObject({ status: 'passed' });
  });

  it('settings that cannot be read end as errored with the place in one sentence', async () => {
    const id = await deploy(await newLane({ kind: 'docker', engine: 'localhost' }));
    const row = await bench.drive(id, replica());
    expect(row).toMatchObject({
      status: 'errored',
      reason: { code: 'target-unusable', message: expect.stringContaining('target.engine') },
    });
    expect(target.looks).toBe(0);
  });
});
