import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eventually, startRedis } from '@sluice/testing';
import { testDatabase, type TestDatabase } from '../db/testing/test-database.ts';
import { BullmqWakeQueue, type BullmqWakeQueueOptions } from './bullmq-wake-queue.ts';
import { postgresWakeStore, redisWakeStore, type WakeStore } from './bullmq-wake-store.ts';

interface Bench {
  open(): Promise<WakeStore>;
  stop(): Promise<void>;
}

async function onPostgres(): Promise<Bench> {
  const database: TestDatabase = await testDatabase();
  return { open: () => Promise.resolve(postgresWakeStore(database.url)), stop: () => database.close() };
}

async function onRedis(): Promise<Bench> {
  const redis = await startRedis();
  return { open: () => redisWakeStore(redis.url), stop: () => redis.stop() };
}

describe.each([
  ['PostgreSQL', onPostgres],
  ['Redis', onRedis],
] as const)('wake queue on %s', (_, start) => {
  let bench: Bench;
  const open: BullmqWakeQueue[] = [];
  const queue = async (options: BullmqWakeQueueOptions = {}) => {
    const made = new BullmqWakeQueue(await bench.open(), options);
    open.push(made);
    return made;
  };
  beforeAll(async () => {
    bench = await start();
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((one) => one.close()));
  });
  afterAll(() => bench.stop());

  it('brings each message to one consumer of several replicas', async () => {
    const [producer, first, second] = [await queue(), await queue(), await queue()];
    const seen: string[] = [];
    const note = (message: { poolId: string }) => Promise.resolve(void seen.push(message.poolId));
    await first.consume('dispatch', note);
    await second.consume('dispatch', note);
    const pools = Array.from({ length: 20 }, (__, index) => `pool-${index}`);
    for (const poolId of pools) await producer.send('dispatch', { poolId });
    await eventually(() => seen.length >= pools.length, { describe: 'all messages' });
    expect([...seen].sort()).toEqual([...pools].sort());
    expect(producer.problem()).toBeNull();
  });

  it('carries the same message as often as it is sent one after the other (no job ids, P9)', async () => {
    const wake = await queue();
    let seen = 0;
    await wake.consume('dispatch', () => Promise.resolve(void (seen += 1)));
    for (let round = 1; round <= 3; round += 1) {
      await wake.send('dispatch', { poolId: 'same' });
      await eventually(() => seen >= round, { describe: `message ${round}` });
    }
    expect(seen).toBe(3);
  });

  it('goes on after a handler throws, and does not repeat the message', async () => {
    const errors: string[] = [];
    const wake = await queue({ onError: (error, where) => errors.push(`${where}: ${error.message}`) });
    const seen: string[] = [];
    await wake.consume('dispatch', ({ poolId }) => {
      seen.push(poolId);
      return poolId === 'bad' ? Promise.reject(new Error('no')) : Promise.resolve();
    });
    await wake.send('dispatch', { poolId: 'bad' });
    await wake.send('dispatch', { poolId: 'good' });
    await eventually(() => seen.includes('good'), { describe: 'the message after the bad one' });
    expect(seen.filter((pool) => pool === 'bad')).toHaveLength(1);
    expect(errors).toEqual(['handler of dispatch: no']);
  });

  it('keeps messages sent while nobody consumes', async () => {
    const producer = await queue();
    await producer.send('deploy', { deploymentId: 'one' });
    const consumer = await queue();
    const seen: string[] = [];
    await consumer.consume('deploy', ({ deploymentId }) => Promise.resolve(void seen.push(deploymentId)));
    await eventually(() => seen.length > 0, { describe: 'the early message' });
    expect(seen).toEqual(['one']);
  });

  it('close waits for a handler that runs', async () => {
    const wake = await queue();
    let ended = false;
    const gate = Promise.withResolvers<void>();
    const entered = Promise.withResolvers<void>();
    await wake.consume('dispatch', async () => {
      entered.resolve();
      await gate.promise;
      ended = true;
    });
    await wake.send('dispatch', { poolId: 'slow' });
    await entered.promise;
    const closed = wake.close();
    gate.resolve();
    await closed;
    expect(ended).toBe(true);
  });
});

describe('wake queue when Redis misbehaves', () => {
  it('F30 refuses a Redis that evicts', async () => {
    const redis = await startRedis({ evictionPolicy: 'allkeys-lru' });
    try {
      await expect(redisWakeStore(redis.url)).rejects.toThrow(/maxmemory-policy "allkeys-lru".*noeviction/);
    } finally {
      await redis.stop();
    }
  });

  it('F27 F33 a send returns within its limit while Redis is down, and consumers go on when it is back empty', async () => {
    const redis = await startRedis();
    const wake = new BullmqWakeQueue(await redisWakeStore(redis.url), { sendLimitMs: 100 });
    const seen: string[] = [];
    try {
      await wake.consume('dispatch', ({ poolId }) => Promise.resolve(void seen.push(poolId)));
      await wake.send('dispatch', { poolId: 'before' });
      await eventually(() => seen.includes('before'));
      await redis.down('SIGKILL');
      for (let index = 0; index < 50; index += 1) {
        const started = performance.now();
        await wake.send('dispatch', { poolId: `lost-${index % 5}` });
        expect(performance.now() - started).toBeLessThan(1_000);
        if (index > 5 && wake.problem()) break;
      }
      expect(wake.problem()).toMatch(/sweeps/);
      await redis.up();
      await eventually(
        async () => {
          await wake.send('dispatch', { poolId: 'after' });
          return seen.includes('after');
        },
        { timeoutMs: 20_000, describe: 'a message after the restart' },
      );
      expect(wake.problem()).toBeNull();
    } finally {
      await wake.close();
      await redis.stop();
    }
  });
});
