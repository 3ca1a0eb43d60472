import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  connectWithToken,
  eventually,
  freePort,
  openEngineDoor,
  removeRunnerLeftovers,
  RunnerProcess,
  ServerProcess,
  setUpInstallation,
  startFakeForge,
  startGitHost,
  type Api,
  type DockerEngine,
  type EngineDoor,
  type FakeForge,
  type GitHost,
  type Person,
} from '@sluice/testing';
import { addOtherTeam, gitUsers, PEOPLE, TEAM } from './cast.ts';
import type { Parts } from './parts.ts';
import { removeAbandoned, removeReleased } from './released-containers.ts';
import { requireSegmentsInBucket } from './require-segments-in-bucket.ts';
import { ServerGroup } from './server-group.ts';
import { startStores, type Mode, type Stores } from './stores.ts';

/** Runs of the suite wait for dead runners, so leases are short; two busy cores must still renew in time. */
const LEASE = { SLUICE_LEASE_SECONDS: '15', SLUICE_LEASE_RENEW_SECONDS: '1' };
const GIT_PASSWORD = 'pushes-from-the-suite';

/** One installation of the product in one mode, with everything around it. */
export interface World {
  readonly mode: Mode;
  readonly root: string;
  readonly folder: string;
  readonly parts: Parts;
  readonly gitHost: GitHost;
  /** Where statuses of commits may be reported to. */
  readonly forge: FakeForge;
  readonly stores: Stores;
  readonly servers: ServerGroup;
  /** Those that serve everybody, one per replica. */
  readonly runners: readonly RunnerProcess[];
  readonly people: Readonly<Record<string, Person>>;
  readonly network: (environment: string) => string;
  admin(): Api;
  api(person: string): Api;
  /** A runner in a pool of its own, reached by jobs that ask for `label`. */
  addRunner(
    label: string,
    trust?: 'trusted' | 'untrusted',
    env?: Readonly<Record<string, string>>,
    as?: 'process' | 'container',
  ): Promise<RunnerProcess>;
  /** A way to the engine as to one on another machine. */
  openEngineDoor(): Promise<EngineDoor>;
  /** `keepFolder`: logs and data stay for whoever looks at a failure. */
  stop(keepFolder?: boolean): Promise<void>;
}

/** How the programs of a world reach each other: something that breaks connections may stand between them. */
export interface Wiring {
  /** Settings of a replica, counted from 0, that replace addresses of its stores. */
  storesOf(stores: Stores, replica: number): Promise<Readonly<Record<string, string>>>;
  /** Where a runner finds the server at `url`. */
  serverOf(runner: string, url: string): Promise<string>;
}

const DIRECT: Wiring = {
  storesOf: () => Promise.resolve({}),
  serverOf: (_, url) => Promise.resolve(url),
};

/** `name` tells worlds of one mode apart. */
export async function startWorld(
  root: string,
  mode: Mode,
  parts: Parts,
  name: string = mode,
  wiring: Wiring = DIRECT,
): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), `sluice-e2e-${name}-`));
  const stops: (() => Promise<void>)[] = [];
  const stop = async (keepFolder = false) => {
    for (const one of stops.reverse()) await one().catch((error: unknown) => console.error(`e2e: ${String(error)}`));
    if (!keepFolder) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    // Of this process alone: another run of the suite may use the same engine.
    const network = (environment: string) => `sluice-e2e-${process.pid}-${name}-${environment}`;
    await removeAbandoned(parts.engine.docker);
    stops.push(() => removeReleased(parts.engine.docker, network('')));
    const gitHost = await startGitHost({ root: join(folder, 'repositories'), users: gitUsers(GIT_PASSWORD) });
    stops.push(() => gitHost.stop());
    const forge = await startFakeForge();
    stops.push(() => forge.stop());
    const stores = await startStores(mode);
    stops.push(() => stores.stop());
    const servers = await makeServers(
      root,
      folder,
      stores,
      [gitHost.origin, forge.origin],
      parts.engine.address,
      wiring,
    );
    stops.push(() => servers.stop());
    await servers.start();
    const installation = await setUpInstallation(servers.url, await setupToken(servers), {
      team: TEAM,
      people: PEOPLE,
    });
    const people = {
      ...installation.people,
      ...(await addOtherTeam(servers.url, installation)),
      root: installation.admin,
    };
    const api = (person: string) => {
      const found = people[person as keyof typeof people];
      if (found === undefined) throw new Error(`The cast has no ${person}.`);
      return connectWithToken(servers.url, found.token);
    };
    const addRunnerTo = async (
      pool: { name: string; team: string | null; labels: string[]; trust: 'trusted' | 'untrusted' },
      name: string,
      slots: number,
      serverUrl: string,
      env: Readonly<Record<string, string>> = {},
      as: 'process' | 'container' = 'process',
    ) => {
      const { id } = await api('root').catalog.createPool(pool);
      return addRunner(
        {
          root,
          folder,
          engine: parts.engine,
          gitHost,
          name,
          slots,
          serverUrl: await wiring.serverOf(name, serverUrl),
          token: (await api('root').catalog.createRegistrationToken({ poolId: id })).token,
          env,
          ...(as === 'process' ? {} : { image: await parts.runnerImage(root) }),
        },
        stops,
      );
    };
    // A team's own pool comes before shared ones: jobs without labels never land on a scenario's own runner.
    const first = await api('root').catalog.createPool({
      name: 'everyone',
      team: TEAM.slug,
      labels: [],
      trust: 'trusted',
    });
    const runners: RunnerProcess[] = [];
    for (const [index, replica] of servers.replicas.entries()) {
      const { token } = await api('root').catalog.createRegistrationToken({ poolId: first.id });
      const name = `common-${index + 1}`;
      runners.push(
        await addRunner(
          {
            root,
            folder,
            engine: parts.engine,
            gitHost,
            name,
            slots: servers.replicas.length > 1 ? 3 : 5,
            serverUrl: await wiring.serverOf(name, replica.url),
            token,
          },
          stops,
        ),
      );
    }
    return {
      mode,
      root,
      folder,
      parts,
      gitHost,
      forge,
      stores,
      servers,
      runners,
      people,
      network,
      api,
      admin: () => api('root'),
      addRunner: (label, trust = 'trusted', env = {}, as = 'process') =>
        addRunnerTo({ name: label, team: null, labels: [label], trust }, label, 2, servers.url, env, as),
      openEngineDoor: async () => {
        const door = await openEngineDoor(parts.engine.address);
        stops.push(() => door.stop());
        return door;
      },
      stop: async (keepFolder) => {
        try {
          await requireSegmentsInBucket(stores);
        } finally {
          await stop(keepFolder);
        }
      },
    };
  } catch (error) {
    await stop(true);
    throw error;
  }
}

async function makeServers(
  root: string,
  folder: string,
  stores: Stores,
  origins: readonly string[],
  engine: string,
  wiring: Wiring,
): Promise<ServerGroup> {
  const ports = await Promise.all(Array.from({ length: stores.replicas }, () => freePort()));
  const between = await Promise.all(ports.map((_, index) => wiring.storesOf(stores, index)));
  const publicUrl = `http://127.0.0.1:${ports[0]}`;
  return new ServerGroup(
    ports.map(
      (port, index) =>
        new ServerProcess({
          root,
          port,
          dataDir: join(folder, `data-${index + 1}`),
          logFile: join(folder, `server-${index + 1}.log`),
          env: {
            ...LEASE,
            ...stores.env,
            ...between[index],
            PUBLIC_URL: publicUrl,
            SLUICE_RUNNER: 'off',
            // Looks come when a scenario asks for them.
            SLUICE_LOOK_MINUTES: '0',
            SLUICE_GIT_ALLOW_ORIGINS: origins.join(','),
            SLUICE_DOCKER_ENGINES: engine,
            ...(process.env['DOCKER_HOST'] ? { DOCKER_HOST: process.env['DOCKER_HOST'] } : {}),
          },
        }),
    ),
  );
}

interface RunnerPlan {
  readonly root: string;
  readonly folder: string;
  readonly engine: DockerEngine;
  readonly gitHost: GitHost;
  readonly name: string;
  readonly slots: number;
  readonly serverUrl: string;
  readonly token: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Runs in a container of it. */
  readonly image?: string;
}

async function addRunner(
  { root, folder, engine, gitHost, name, slots, serverUrl, token, env, image }: RunnerPlan,
  stops: (() => Promise<void>)[],
): Promise<RunnerProcess> {
  const runner = new RunnerProcess({
    root,
    serverUrl,
    name,
    slots,
    registrationToken: token,
    workDir: join(folder, `runner-${name}`),
    logFile: join(folder, `runner-${name}.log`),
    ...(image === undefined ? {} : { container: { image, engine: engine.address } }),
    env: {
      SLUICE_GIT_ALLOW_ORIGINS: gitHost.origin,
      ...(process.env['DOCKER_HOST'] ? { DOCKER_HOST: process.env['DOCKER_HOST'] } : {}),
      ...env,
    },
  });
  stops.push(async () => {
    await runner.stop();
    // One that was killed, or had to be, cleans up no more.
    await removeRunnerLeftovers(engine.docker, runner.identity());
  });
  await runner.start();
  return runner;
}

function setupToken({ replicas }: ServerGroup): Promise<string> {
  // Each replica that starts on an empty installation prints a link, and only the newest one works.
  return eventually(() => replicas.map((replica) => replica.setupToken()).findLast((found) => found !== undefined), {
    timeoutMs: 5_000,
    describe: `a set-up link in ${replicas[0]?.logFile}`,
  });
}
