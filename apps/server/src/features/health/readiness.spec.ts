import { Redis } from 'ioredis';
import { expect, it } from 'vitest';
import { eventually, startRedis } from '@sluice/testing';
import { WakeQueue } from '../../platform/queue/wake-queue.port.ts';
import { testApp } from '../../testing/test-app.ts';

it('F29 a Redis without memory shows in /readyz as degraded, and requests are answered all the same', async () => {
  const redis = await startRedis();
  const admin = new Redis(redis.url);
  const server = await testApp({ REDIS_URL: redis.url });
  const queue = async () => (await server.call('GET', '/readyz')).body.checks.queue;
  const wake = () => server.app.get(WakeQueue).send('dispatch', { poolId: 'p' });
  try {
    expect(await queue()).toBe('ok');
    await admin.config('SET', 'maxmemory', '1');
    await eventually(async () => {
      await wake();
      return (await queue()) === 'degraded';
    });
    expect(await server.call('GET', '/readyz')).toMatchObject({ status: 200, body: { ready: true } });
    const root = await server.setUp();
    expect(await server.call('POST', '/api/v1/pools', { as: root, body: { name: 'meanwhile' } })).toMatchObject({
      status: 200,
    });
    await admin.config('SET', 'maxmemory', '0');
    await eventually(async () => {
      await wake();
      return (await queue()) === 'ok';
    });
  } finally {
    await server.close();
    admin.disconnect();
    await redis.stop();
  }
});
