import { join } from 'node:path';
import { execa } from 'execa';
import { embeddedAddress } from '../world/read-database.ts';
import type { World } from '../world/world.ts';
import type { BenchContext } from './bench.ts';

const SIZE = { runs: '100000', events: '2000000', services: '5000' };
const full = new WeakSet<World>();

/** Fills the database as `npm run seed` does, once; what needs a small one must come before. */
export async function fillDatabase({ world, say }: Pick<BenchContext, 'world' | 'say'>): Promise<void> {
  if (full.has(world)) return;
  say(`seeding ${SIZE.runs} runs, ${SIZE.events} events, ${SIZE.services} services`);
  await execa(
    process.execPath,
    [
      '--conditions=@sluice/source',
      join(world.root, 'apps/server/src/testing/seed/main.ts'),
      ...Object.entries(SIZE).flatMap(([name, value]) => [`--${name}`, value]),
    ],
    { env: { DATABASE_URL: embeddedAddress(join(world.folder, 'data-1')) }, stdio: ['ignore', 'ignore', 'inherit'] },
  );
  full.add(world);
}
