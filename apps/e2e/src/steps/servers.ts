import { z } from 'zod';
import { askRedis } from '../world/ask-redis.ts';
import { stepKind } from './step-kind.ts';

/** kill -9 of every replica, and a new start. */
export const killServers = stepKind(
  'killServers',
  z.strictObject({ times: z.number().int().min(1).default(1) }),
  async (scene, { times }) => {
    for (let time = 0; time < times; time += 1) await scene.world.servers.restart({}, 'SIGKILL');
  },
);

/** Starts the replicas anew with a failpoint that ends them; whatever dies is brought back without it, until `disarm`. */
export const arm = stepKind('arm', z.strictObject({ failpoint: z.string() }), async (scene, { failpoint }) => {
  const { servers } = scene.world;
  // What did not die at the end of a scenario still has the failpoint armed.
  if (scene.supervision === undefined) scene.atEnd(() => servers.restart());
  await servers.restart({ SLUICE_FAILPOINTS: `${failpoint}=exit` });
  scene.supervision = servers.supervise();
  scene.atEnd(scene.supervision.end);
});

/** Fails when nothing died: then the failpoint was not passed and nothing was shown. */
export const disarm = stepKind('disarm', z.strictObject({}), async ({ supervision }) => {
  if (supervision === undefined) throw new Error('No failpoint is armed.');
  if ((await supervision.end()) === 0) throw new Error('No server passed the failpoint.');
});

export const flushQueue = stepKind('flushQueue', z.strictObject({}), async (scene) => {
  const { redis } = scene.world.stores;
  if (redis === undefined) throw new Error('Only the distributed mode has Redis.');
  await askRedis(redis.port, 'FLUSHALL');
});

export const restartQueue = stepKind('restartQueue', z.strictObject({}), async (scene) => {
  const { redis } = scene.world.stores;
  if (redis === undefined) throw new Error('Only the distributed mode has Redis.');
  await redis.restart('SIGKILL');
});

export const restartDatabase = stepKind('restartDatabase', z.strictObject({}), async (scene) => {
  const { database } = scene.world.stores;
  if (database === undefined) throw new Error('Only the distributed mode has a PostgreSQL of its own.');
  await database.restart('SIGQUIT');
});
