import { connect } from 'node:net';
import { join } from 'node:path';
import { ensureDebianPackages, programPath } from './debian-packages.ts';
import { freePort } from './free-port.ts';
import { LoopbackProcess } from './loopback-process.ts';
import { storePart } from './store-part.ts';
import type { StorePart } from './store-part.ts';
import { temporaryFolder } from './temporary-folder.ts';

export interface RedisOptions {
  readonly port?: number;
  /** Keep every write through restarts (append-only file). Default off: a restart loses everything. */
  readonly persistent?: boolean;
  /** Only `noeviction` is right for a queue; another one is for the test of that refusal. */
  readonly evictionPolicy?: string;
}

/** Debian's Redis on a loopback port with data of its own. */
export async function startRedis({
  port: fixed,
  persistent = false,
  evictionPolicy = 'noeviction',
}: RedisOptions = {}): Promise<StorePart> {
  await ensureDebianPackages(['redis-server']);
  const port = fixed ?? (await freePort());
  const folder = temporaryFolder('redis');
  const settings = {
    bind: '127.0.0.1',
    port: String(port),
    dir: folder.path,
    save: '',
    daemonize: 'no',
    appendonly: persistent ? 'yes' : 'no',
    appendfsync: 'always',
    'maxmemory-policy': evictionPolicy,
  };
  const server = new LoopbackProcess({
    name: 'redis-server',
    command: programPath('redis-server') ?? 'redis-server',
    args: Object.entries(settings).flatMap(([key, value]) => [`--${key}`, value]),
    logFile: join(folder.path, 'redis.log'),
    ready: () => pong(port),
  });
  await server.start();
  return storePart(server, `redis://127.0.0.1:${port}`, port, folder.remove);
}

function pong(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    const done = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(1_000, () => done(false));
    socket.once('error', () => done(false));
    socket.once('data', (data) => done(data.toString().startsWith('+PONG')));
  });
}
