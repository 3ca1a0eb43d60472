import { settingsOf, putEnvironment, type EnvironmentPlan } from '../world/environments.ts';
import { connectRepository, registerService, type ConnectedRepository } from '../world/services.ts';
import type { World } from '../world/world.ts';
import type { Scenario } from './scenario.ts';
import { Scene } from './scene.ts';

const SHARED = [
  { name: 'staging', gate: { approvals: 0 } },
  { name: 'production', gate: { approvals: 1 } },
] as const;

/**
 * Gives every scenario its services, repositories and environments. All at once, before the first one plays: settings
 * of an environment hold the ports of all its services, and a change of them voids what was approved.
 */
export async function setUpScenes(world: World, scenarios: readonly Scenario[]): Promise<readonly Scene[]> {
  const admin = world.admin();
  const engine = world.parts.engine.address;
  const ports = async (services: readonly { name: string }[]) =>
    Object.fromEntries(
      await Promise.all(
        services.map(async ({ name }): Promise<[string, number]> => [name, await world.parts.ports.take()]),
      ),
    );
  const everyService = scenarios.flatMap(({ services }) => services);
  const shared: EnvironmentPlan[] = [];
  for (const [index, { name, gate }] of SHARED.entries()) {
    const plan = { name, gate, order: index + 1, ports: await ports(everyService), network: world.network(name) };
    await putEnvironment(admin, plan, settingsOf(plan, engine));
    shared.push(plan);
  }
  const scenes: Scene[] = [];
  for (const scenario of scenarios) {
    const own: EnvironmentPlan[] = [];
    for (const { name, gate } of scenario.environments) {
      const plan = { name, gate, order: 10, ports: await ports(scenario.services), network: world.network(name) };
      await putEnvironment(admin, plan, settingsOf(plan, engine));
      own.push(plan);
    }
    const repositories = new Map<string, ConnectedRepository>();
    const replicas = world.servers.replicas;
    for (const { name, repository, path, forge, team } of scenario.services) {
      // Webhooks go to all replicas in turn.
      const url = replicas[repositories.size % replicas.length]!.url;
      const known = repositories.get(repository);
      const connected = known ?? (await connectRepository(admin, world.gitHost, url, repository, { forge, team }));
      repositories.set(repository, connected);
      await registerService(admin, name, connected, path);
    }
    const door = scenario.ownRunner === 'remote-engine' ? await world.openEngineDoor() : undefined;
    const ownRunner = scenario.ownRunner
      ? await world.addRunner(
          scenario.values['runner'] ?? scenario.name,
          scenario.ownRunner === 'untrusted' ? 'untrusted' : 'trusted',
          door && { DOCKER_HOST: door.address, DOCKER_CERT_PATH: door.certPath },
          scenario.ownRunner === 'container' ? 'container' : 'process',
        )
      : undefined;
    scenes.push(new Scene(world, scenario, { environments: [...shared, ...own], repositories, ownRunner, door }));
  }
  return scenes;
}
