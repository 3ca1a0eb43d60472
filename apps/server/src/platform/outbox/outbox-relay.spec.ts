import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '@sluice/testing';
import { json } from '../db/database.ts';
import { testDatabase, type TestDatabase } from '../db/testing/test-database.ts';
import { armFailpoints } from '../failpoints/failpoints.ts';
import { Outbox } from './outbox.ts';
import { OutboxRelay, type OutboxRelayOptions } from './outbox-relay.ts';
import { OutboxSignal } from './outbox-signal.ts';
import { RegisteredHandlers } from './registered-handlers.ts';

let database: TestDatabase;
const started: OutboxRelay[] = [];
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.close());
beforeEach(() => database.db.deleteFrom('outbox').execute());
afterEach(async () => {
  await Promise.all(started.splice(0).map((relay) => relay.stop(100)));
});

type LookAtPool = (payload: { poolId: string }) => Promise<void>;

/** A replica: its own signal, handlers and relay. */
function replica(
  onPool: LookAtPool,
  options: OutboxRelayOptions = {},
  onRun: (payload: { runId: string }) => Promise<void> = () => Promise.resolve(),
) {
  const signal = new OutboxSignal();
  const handlers = new RegisteredHandlers();
  handlers.on('look-at-pool', onPool);
  handlers.on('make-release', onRun);
  const relay = new OutboxRelay(database.db, signal, handlers, {
    topics: ['look-at-pool', 'make-release'],
    sweepMs: 50,
    ...options,
  });
  started.push(relay);
  return { relay, outbox: new Outbox(signal) };
}

const rows = () => database.db.selectFrom('outbox').selectAll().orderBy('id').execute();
const add = (outbox: Outbox, poolId: string) =>
  database.transactions.run((unit) => outbox.add(unit, 'look-at-pool', { poolId }));

describe('outbox relay', () => {
  it('carries a committed message at once and deletes it (I32)', async () => {
    const seen: string[] = [];
    const { relay, outbox } = replica(({ poolId }) => Promise.resolve(void seen.push(poolId)), { sweepMs: 60_000 });
    relay.start();
    await add(outbox, 'one');
    await eventually(async () => seen.length > 0 && (await rows()).length === 0, { describe: 'an empty outbox' });
    expect(seen).toEqual(['one']);
  });

  it('carries messages of a topic together where its handler takes many, and tries them again together', async () => {
    const signal = new OutboxSignal();
    const handlers = new RegisteredHandlers();
    const calls: string[][] = [];
    handlers.onMany('look-at-pool', (payloads) => {
      calls.push(payloads.map(({ poolId }) => poolId));
      return calls.length === 1 ? Promise.reject(new Error('not yet')) : Promise.resolve();
    });
    const relay = new OutboxRelay(database.db, signal, handlers, {
      topics: ['look-at-pool'],
      sweepMs: 20,
      retryMs: 20,
    });
    started.push(relay);
    const pools = ['a', 'b', 'c', 'd', 'e', 'f'];
    for (const poolId of pools) await add(new Outbox(new OutboxSignal()), poolId);
    relay.start();
    await eventually(async () => (await rows()).length === 0, { describe: 'an empty outbox' });
    expect(calls[0]?.toSorted()).toEqual(pools);
    expect(calls.slice(1).flat().toSorted()).toEqual(pools);
  });

  it('leaves a topic alone while its feature has no place for it, and others go on', async () => {
    const signal = new OutboxSignal();
    const handlers = new RegisteredHandlers();
    const seen: string[] = [];
    let places = 0;
    handlers.on('look-at-pool', ({ poolId }) => Promise.resolve(void seen.push(poolId)));
    handlers.on('make-release', ({ runId }) => Promise.resolve(void seen.push(runId)));
    handlers.limit('look-at-pool', () => places);
    const relay = new OutboxRelay(database.db, signal, handlers, {
      topics: ['look-at-pool', 'make-release'],
      sweepMs: 60_000,
    });
    started.push(relay);
    const outbox = new Outbox(signal);
    relay.start();
    await add(outbox, 'held');
    await database.transactions.run((unit) => outbox.add(unit, 'make-release', { runId: 'free' }));
    await eventually(() => seen.includes('free'));
    expect(seen).toEqual(['free']);
    places = 1;
    outbox.wake();
    await eventually(() => seen.includes('held'));
  });

  it('carries nothing of a transaction that rolls back', async () => {
    const seen: string[] = [];
    const { relay, outbox } = replica(({ poolId }) => Promise.resolve(void seen.push(poolId)));
    relay.start();
    await expect(
      database.transactions.run(async (unit) => {
        await outbox.add(unit, 'look-at-pool', { poolId: 'never' });
        throw new Error('no');
      }),
    ).rejects.toThrow('no');
    await add(outbox, 'after');
    await eventually(() => seen.includes('after'));
    expect(seen).toEqual(['after']);
  });

  it('P11 finds a row whose id is older than one already carried out', async () => {
    const seen: string[] = [];
    const { relay, outbox } = replica(({ poolId }) => Promise.resolve(void seen.push(poolId)));
    relay.start();
    const late = Promise.withResolvers<void>();
    const inserted = Promise.withResolvers<void>();
    const slow = database.transactions.run(async (unit) => {
      await outbox.add(unit, 'look-at-pool', { poolId: 'lower id' });
      inserted.resolve();
      await late.promise;
    });
    await inserted.promise;
    await add(outbox, 'higher id');
    await eventually(() => seen.includes('higher id'));
    late.resolve();
    await slow;
    await eventually(() => seen.includes('lower id'));
    expect(seen).toEqual(['higher id', 'lower id']);
  });

  it('F03 takes over the messages of a process that died after its claim', async () => {
    const dead = replica(() => new Promise(() => undefined), { claimMs: 300 });
    await add(dead.outbox, 'orphan');
    dead.relay.start();
    await eventually(async () => (await rows())[0]?.tries === 1, { describe: 'the claim' });
    await dead.relay.stop(0);
    const seen: string[] = [];
    const next = replica(({ poolId }) => Promise.resolve(void seen.push(poolId)));
    next.relay.start();
    await eventually(() => seen.length > 0, { describe: 'the take-over' });
    expect(seen).toEqual(['orphan']);
  });

  it('F04 a message whose handler worked but whose end was not noted is carried again', async () => {
    armFailpoints('outbox:after-handler=throw', 'test');
    let calls = 0;
    const { relay, outbox } = replica(() => ((calls += 1), Promise.resolve()), { retryMs: 10 });
    relay.start();
    await add(outbox, 'twice');
    await eventually(async () => calls > 0 && (await rows()).length === 0);
    expect(calls).toBe(2);
    armFailpoints(undefined, undefined);
  });

  it('keeps the claim of a handler that takes long', async () => {
    const gate = Promise.withResolvers<void>();
    let calls = 0;
    const options = { claimMs: 150 };
    const first = replica(() => ((calls += 1), gate.promise), options);
    const second = replica(() => ((calls += 1), gate.promise), options);
    first.relay.start();
    second.relay.start();
    await add(first.outbox, 'long');
    await eventually(() => calls === 1);
    const until = performance.now() + 600;
    await eventually(() => performance.now() > until);
    expect(calls).toBe(1);
    gate.resolve();
    await eventually(async () => (await rows()).length === 0);
  });

  it('tries again with growing pauses and notes the error', async () => {
    let calls = 0;
    const { relay, outbox } = replica(
      () => ((calls += 1), calls < 3 ? Promise.reject(new Error('target is down')) : Promise.resolve()),
      { retryMs: 20 },
    );
    relay.start();
    await add(outbox, 'flaky');
    await eventually(async () => (await rows())[0]?.last_error === 'Error: target is down');
    await eventually(async () => (await rows()).length === 0);
    expect(calls).toBe(3);
  });

  it('a topic whose handlers hang does not hold up another', async () => {
    const released: string[] = [];
    const { relay, outbox } = replica(
      () => new Promise(() => undefined),
      {},
      ({ runId }) => Promise.resolve(void released.push(runId)),
    );
    relay.start();
    for (let index = 0; index < 12; index += 1) await add(outbox, `hangs ${index}`);
    await database.transactions.run((unit) => outbox.add(unit, 'make-release', { runId: 'run' }));
    await eventually(() => released.length > 0);
    expect(released).toEqual(['run']);
    await relay.stop(0);
  });

  it('several replicas carry each of many messages once when nothing fails', async () => {
    const seen: string[] = [];
    const note: LookAtPool = ({ poolId }) => Promise.resolve(void seen.push(poolId));
    const replicas = [replica(note), replica(note), replica(note)];
    await database.db
      .insertInto('outbox')
      .values(
        Array.from({ length: 200 }, (_, index) => ({
          topic: 'look-at-pool',
          payload: json({ poolId: String(index) }),
        })),
      )
      .execute();
    for (const { relay } of replicas) relay.start();
    await eventually(async () => (await rows()).length === 0, { describe: 'an empty outbox' });
    expect(seen).toHaveLength(200);
    expect(new Set(seen).size).toBe(200);
  });

  it('refuses to start when a topic has no handler, and a second handler of one', () => {
    const handlers = new RegisteredHandlers();
    handlers.on('look-at-pool', () => Promise.resolve());
    expect(() => handlers.on('look-at-pool', () => Promise.resolve())).toThrow(/two handlers/);
    const relay = new OutboxRelay(database.db, new OutboxSignal(), handlers);
    expect(() => relay.start()).toThrow(/no handler: plan-delivery, .*make-release/);
  });
});
