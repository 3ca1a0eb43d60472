import { join } from 'node:path';
import { WorkTree } from '@sluice/testing';
import { copyFiles } from '../scenario/copy-files.ts';
import { TEAM } from '../world/cast.ts';
import { putEnvironment, settingsOf } from '../world/environments.ts';
import { registerService } from '../world/services.ts';
import type { World } from '../world/world.ts';

export interface ChaosService {
  readonly name: string;
  readonly tree: WorkTree;
  /** Bare repository on the git host. */
  readonly folder: string;
  readonly hookPath: string;
  readonly hookSecret: string;
}

const SERVICES = 3;
export const COUNTED = { job: 'commit/count', lines: 2_000 } as const;

/** Services that are built, tested and released; nobody announces their pushes but whoever drives them. */
export async function setUpServices(world: World): Promise<readonly ChaosService[]> {
  const names = Array.from({ length: SERVICES }, (_, index) => `chaos-${index + 1}`);
  for (const [index, name] of ['staging', 'production'].entries()) {
    const ports = Object.fromEntries(
      await Promise.all(names.map(async (one): Promise<[string, number]> => [one, await world.parts.ports.take()])),
    );
    const plan = { name, gate: { approvals: index }, order: index + 1, ports, network: world.network(name) };
    await putEnvironment(world.admin(), plan, settingsOf(plan, world.parts.engine.address));
  }
  const services: ChaosService[] = [];
  for (const name of names) services.push(await connect(world, name, ['web-service', 'chaos/v1']));
  return services;
}

/** One whose job fails each time. */
export function setUpFailing(world: World): Promise<ChaosService> {
  return connect(world, 'chaos-failing', ['chaos/failing']);
}

async function connect(world: World, name: string, templates: readonly string[]): Promise<ChaosService> {
  const { url, folder } = await world.gitHost.createRepository(name);
  const connected = await world.admin().catalog.connectRepository({ team: TEAM.slug, url, kind: 'git' });
  await registerService(world.admin(), name, connected.repository, '.');
  const tree = new WorkTree(join(world.folder, 'work', name), { name: 'Dana Okafor', email: 'dana@example.com' });
  await tree.init();
  for (const template of templates)
    copyFiles(join(world.root, 'apps/e2e/templates', template), tree.folder, world.parts.registry.host, {
      service: name,
      lines: String(COUNTED.lines),
    });
  const { hookPath } = connected.repository;
  return { name, tree, folder, hookPath, hookSecret: connected.hookSecret };
}
