import { apiOf, connectApi, setUpInstallation, type Api, type Installation } from '@sluice/testing';
import type { DemoFolder } from './demo-folder.ts';
import { DEMO_SERVICES, PEOPLE, TEAM } from './demo-services.ts';
import type { DemoParts } from './start-parts.ts';

/** Team, people, environments, repositories and services of the demo, made through the public API; safe to repeat. */
export async function ensureInstalled(folder: DemoFolder, parts: DemoParts): Promise<Installation> {
  const installation = await ensurePeople(folder, parts);
  const admin = apiOf(parts.server.url, installation.admin);
  await putEnvironments(admin, folder, parts.engine.address);
  await connectRepositories(admin, parts);
  return installation;
}

async function ensurePeople(folder: DemoFolder, { server }: DemoParts): Promise<Installation> {
  const state = folder.read();
  const { needed } = await connectApi(server.url).identity.setupState();
  if (!needed) {
    if (state.installation) return state.installation;
    throw new Error(
      `The demo's database has people but ${folder.file('demo.json')} is gone; remove ${folder.path} to begin anew.`,
    );
  }
  const token = server.setupToken();
  if (token === undefined) throw new Error(`The server printed no set-up link; see ${server.logFile}.`);
  const installation = await setUpInstallation(server.url, token, { team: TEAM, people: PEOPLE });
  folder.write({ ...state, installation });
  return installation;
}

async function putEnvironments(admin: Api, folder: DemoFolder, engine: string): Promise<void> {
  const target = (environment: 'staging' | 'production') => ({
    kind: 'docker' as const,
    engine,
    network: folder.network(environment),
    port: {
      container: 8080,
      host: Object.fromEntries(DEMO_SERVICES.map(({ name, ports }) => [name, `127.0.0.1:${ports[environment]}`])),
    },
    healthPath: '/healthz',
    healthTimeoutSeconds: 60,
    env: { ENVIRONMENT: environment },
    secrets: [],
  });
  const open = { approvals: 0, roles: ['release-manager' as const], noSelfApproval: true };
  await admin.catalog.putEnvironment({
    team: TEAM.slug,
    name: 'staging',
    order: 1,
    settings: { gate: open, target: target('staging') },
  });
  await admin.catalog.putEnvironment({
    team: TEAM.slug,
    name: 'production',
    order: 2,
    settings: { gate: { ...open, approvals: 1 }, target: target('production') },
  });
}

async function connectRepositories(admin: Api, { gitHost, server }: DemoParts): Promise<void> {
  const known = await admin.catalog.listRepositories({ team: TEAM.slug });
  for (const { name } of DEMO_SERVICES) {
    const { url } = await gitHost.createRepository(name);
    if (known.some((repository) => repository.url === url)) continue;
    const { repository, hookSecret } = await admin.catalog.connectRepository({ team: TEAM.slug, url, kind: 'git' });
    await gitHost.createRepository(name, { hookUrl: `${server.url}${repository.hookPath}`, hookSecret });
    await admin.catalog.registerService({ team: TEAM.slug, slug: name, repositoryId: repository.id });
  }
}
