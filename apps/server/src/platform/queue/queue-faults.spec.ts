import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually, startFaultProxy, startRedis } from '@sluice/testing';
import { BullmqWakeQueue, type BullmqWakeQueueOptions } from './bullmq-wake-queue.ts';
import { testDatabase } from '../db/testing/test-database.ts';
import { postgresWakeStore, redisWakeStore } from './bullmq-wake-store.ts';

/** Much longer than a send may take, and shorter than what a person would wait for. */
const SOON_MS = 1_000;

let redis: Awaited<ReturnType<typeof startRedis>>;
let admin: Redis;
const queues: BullmqWakeQueue[] = [];
beforeEach(async () => {
  redis = await startRedis();
  admin = new Redis(redis.url);
  admin.on('error', () => undefined);
});
afterEach(async () => {
  await Promise.all(queues.splice(0).map((queue) => queue.close()));
  admin.disconnect();
  await redis.stop();
});

/** A queue and what its consumer has seen. */
async function openQueue(options: BullmqWakeQueueOptions = {}, url = redis.url) {
  const wake = new BullmqWakeQueue(await redisWakeStore(url), options);
  queues.push(wake);
  const seen: string[] = [];
  await wake.consume('dispatch', ({ poolId }) => Promise.resolve(void seen.push(poolId)));
  const passes = async (message: string, timeoutMs = 30_000) => {
    await eventually(
      async () => {
        await wake.send('dispatch', { poolId: message });
        return seen.includes(message);
      },
      { timeoutMs, everyMs: 200, describe: `the message "${message}"` },
    );
    return wake.problem();
  };
  await passes('before');
  return { wake, passes };
}

async function sendTimeOf(wake: BullmqWakeQueue, message: string): Promise<number> {
  const startedAt = performance.now();
  await wake.send('dispatch', { poolId: message });
  return performance.now() - startedAt;
}

describe('the wake queue while its Redis', { timeout: 90_000 }, () => {
  it('F29 has no memory left says so, keeps nobody waiting, and carries messages again when there is some', async () => {
    const { wake, passes } = await openQueue();
    await admin.config('SET', 'maxmemory', '1');
    await eventually(async () => {
      expect(await sendTimeOf(wake, 'lost')).toBeLessThan(SOON_MS);
      return wake.problem()?.includes('maxmemory');
    });
    await admin.config('SET', 'maxmemory', '0');
    expect(await passes('after')).toBeNull();
  });

  it('F33 takes two seconds for every command keeps nobody waiting', async () => {
    const { wake, passes } = await openQueue();
    const times: number[] = [];
    for (let round = 0; round < 3; round += 1) {
      await admin.client('PAUSE', 2_000, 'ALL');
      times.push(await sendTimeOf(wake, `slow ${round}`));
    }
    expect(times.filter((time) => time > SOON_MS)).toEqual([]);
    expect(await passes('after')).toBeNull();
  });

  it('F28 is flushed loses what was in it and nothing that comes after', async () => {
    const { passes } = await openQueue();
    await admin.flushall();
    expect(await passes('after')).toBeNull();
  });

  it('F32 is away for longer than a worker waits for messages: it fetches again when Redis is back', async () => {
    const { passes } = await openQueue();
    await redis.down('SIGKILL');
    // BullMQ's workers ask for five seconds at a time; this is what must have passed, there is nothing to poll for.
    await pause(9_000);
    await redis.up();
    expect(await passes('after')).toBeNull();
  });

  it('F19 stands behind a half-open connection is reached anew by producer and worker', async () => {
    const proxy = await startFaultProxy({ port: redis.port });
    const { wake, passes } = await openQueue({}, `redis://127.0.0.1:${proxy.port}`);
    try {
      // The connections stay broken for good; only new ones pass.
      proxy.set({ lose: 'received' });
      await eventually(async () => {
        await wake.send('dispatch', { poolId: 'lost' });
        return wake.problem();
      });
      proxy.set({});
      expect(await passes('after', 60_000)).toBeNull();
    } finally {
      await Promise.all(queues.splice(0).map((queue) => queue.close()));
      await proxy.stop();
    }
  });

  it('F31 fails over to a replica that lacks the last writes: messages pass again, by a new worker if need be', async () => {
    const replica = await startRedis();
    const follower = new Redis(replica.url);
    follower.on('error', () => undefined);
    // One name that leads to whoever is the master.
    const door = await startFaultProxy({ port: redis.port });
    try {
      await follower.replicaof('127.0.0.1', redis.port);
      await eventually(async () => (await follower.info('replication')).includes('master_link_status:up'), {
        timeoutMs: 30_000,
      });
      const { passes } = await openQueue({ stuckAfterMs: 2_000 }, `redis://127.0.0.1:${door.port}`);
      await redis.down('SIGKILL');
      await follower.replicaof('NO', 'ONE');
      door.aim({ port: replica.port });
      expect(await passes('after', 60_000)).toBeNull();
    } finally {
      await Promise.all(queues.splice(0).map((queue) => queue.close()));
      follower.disconnect();
      await door.stop();
      await replica.stop();
    }
  });
});

// An exception that nobody catches ends the process, and here the test run.
it(
  'F35 the wake queue on PostgreSQL survives connections that break at any place of their beginning',
  { timeout: 90_000 },
  async () => {
    await using database = await testDatabase();
    const proxy = await startFaultProxy({ port: Number(new URL(database.url).port) });
    const url = new URL(database.url);
    url.port = String(proxy.port);
    try {
      for (let received = 100; received <= 3_100; received += 300) {
        proxy.set({ cutAfterReceived: received });
        const broken = new BullmqWakeQueue(postgresWakeStore(url.href), { sendLimitMs: 500 });
        await broken.send('dispatch', { poolId: 'lost' });
        await broken.close();
      }
      proxy.set({});
      const wake = new BullmqWakeQueue(postgresWakeStore(url.href));
      try {
        const seen: string[] = [];
        await wake.consume('dispatch', ({ poolId }) => Promise.resolve(void seen.push(poolId)));
        await eventually(async () => {
          await wake.send('dispatch', { poolId: 'after' });
          return seen.includes('after');
        });
        expect(wake.problem()).toBeNull();
      } finally {
        await wake.close();
      }
    } finally {
      await proxy.stop();
    }
  },
);
