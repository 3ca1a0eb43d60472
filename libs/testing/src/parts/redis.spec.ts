import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRedis } from './redis.ts';
import type { StorePart } from './store-part.ts';

let redis: StorePart;
beforeAll(async () => {
  redis = await startRedis({ persistent: true });
}, 120_000);
afterAll(() => redis?.stop());

/** Enough of the protocol for one-line answers. */
function ask(port: number, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(`${command}\r\n`));
    socket.once('error', reject).once('data', (data) => {
      socket.destroy();
      resolve(data.toString().trimEnd());
    });
  });
}

describe('startRedis', () => {
  it('answers on its address and never evicts (F30)', async () => {
    expect(new URL(redis.url).port).toBe(String(redis.port));
    expect(await ask(redis.port, 'CONFIG GET maxmemory-policy')).toContain('noeviction');
  });

  it('keeps persistent data through a crash and a restart', async () => {
    await ask(redis.port, 'SET kept yes');
    await redis.restart('SIGKILL');
    expect(await ask(redis.port, 'GET kept')).toContain('yes');
  });

  it('is really gone while down', async () => {
    await redis.down();
    await expect(ask(redis.port, 'PING')).rejects.toThrow('ECONNREFUSED');
    await redis.up();
    expect(await ask(redis.port, 'PING')).toBe('+PONG');
  });
});
