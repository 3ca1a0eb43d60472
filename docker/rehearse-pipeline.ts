// npm run build && node_modules/.bin/node --conditions=@sluice/source docker/rehearse-pipeline.ts [FOLDER]
//
// Plays pipelines/sluice/sluice.yaml with the sources of this checkout (or of FOLDER): a server with pipelines/ as its pipelines
// folder, a runner, a git host and an image registry on loopback; one push; staging; the gate of production. Names of images that
// have to be pulled are replaced by those of base images made on this machine. Takes minutes and needs the registry of npm, so it is
// no part of `npm test`. Exit code 0: the run waits at the gate with everything before it passed.
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  connectWithToken,
  eventually,
  freePort,
  provideBaseImages,
  RunnerProcess,
  ServerProcess,
  setUpInstallation,
  startDockerEngine,
  startGitHost,
  startRegistry,
  temporaryFolder,
  WorkTree,
  type Api,
} from '@sluice/testing';
import { runCommand, tryCommand } from './run-command.ts';

const root = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');
const sources = process.argv[2] ?? root;
const DANA = { login: 'dana', name: 'Dana Okafor', email: 'dana@example.com' };
const USERS = { dana: 'pushes-the-product' };
const LIMIT_MS = 40 * 60_000;
const report = (line: string) => process.stdout.write(`rehearsal: ${line}\n`);

const stops: (() => unknown)[] = [];
const folder = temporaryFolder('rehearsal');
stops.push(folder.remove);
try {
  await rehearse();
} catch (error) {
  process.stderr.write(`rehearsal: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 1;
} finally {
  for (const stop of stops.reverse()) await stop();
}
process.exit();

async function rehearse(): Promise<void> {
  const engine = await startDockerEngine({ stateDir: join(folder.path, 'engine'), report });
  stops.push(() => engine.stop());
  const registry = await startRegistry({ dataDir: join(folder.path, 'registry'), report });
  stops.push(() => registry.stop());
  await provideBaseImages({ docker: engine.docker, registry, only: ['base/node-dev:24'], report });
  const base = `${registry.host}/base/node-dev:24`;
  const gitHost = await startGitHost({ root: join(folder.path, 'repositories'), users: USERS });
  stops.push(() => gitHost.stop());

  const server = new ServerProcess({
    root,
    port: await freePort(),
    dataDir: join(folder.path, 'data'),
    logFile: join(folder.path, 'server.log'),
    env: {
      SLUICE_RUNNER: 'off',
      SLUICE_GIT_ALLOW_ORIGINS: gitHost.origin,
      SLUICE_DOCKER_ENGINES: engine.address,
      SLUICE_PIPELINES_DIR: pipelinesFor(base, registry.host),
    },
  });
  stops.push(() => server.stop());
  await server.start();
  const { admin } = await setUpInstallation(server.url, server.setupToken() ?? '', {
    team: { slug: 'platform', title: 'Platform' },
    people: [{ login: DANA.login, name: DANA.name, role: 'developer' }],
  });
  const api = connectWithToken(server.url, admin.token);
  const pool = await api.catalog.createPool({ name: 'all', team: 'platform', labels: [], trust: 'trusted' });
  const runner = new RunnerProcess({
    root,
    serverUrl: server.url,
    name: 'rehearsal',
    workDir: join(folder.path, 'runner'),
    logFile: join(folder.path, 'runner.log'),
    registrationToken: (await api.catalog.createRegistrationToken({ poolId: pool.id })).token,
    env: { SLUICE_GIT_ALLOW_ORIGINS: gitHost.origin },
  });
  stops.push(() => runner.stop());
  await runner.start();

  const network = `sluice-rehearsal-${process.pid}`;
  stops.push(async () => {
    const released = await runCommand('docker', ['ps', '-aq', '--filter', `network=${network}`]);
    if (released !== '') await runCommand('docker', ['rm', '-f', '-v', ...released.split('\n')]);
    await tryCommand('docker', ['network', 'rm', network]);
  });
  await putEnvironments(api, engine.address, network);
  const { url } = await gitHost.createRepository('sluice');
  const connected = await api.catalog.connectRepository({ team: 'platform', url, kind: 'git' });
  await gitHost.createRepository('sluice', {
    hookUrl: server.url + connected.repository.hookPath,
    hookSecret: connected.hookSecret,
  });
  await api.catalog.registerService({
    team: 'platform',
    slug: 'sluice',
    repositoryId: connected.repository.id,
    path: '.',
  });
  const commit = await pushSources(gitHost.repositoryUrl('sluice', 'dana'));
  report(`pushed ${commit}`);
  await follow(api, server.url, admin.token, commit);
}

/** A copy of pipelines/ with the images of this machine. */
function pipelinesFor(base: string, registryHost: string): string {
  const copy = join(folder.path, 'pipelines');
  cpSync(join(root, 'pipelines'), copy, { recursive: true });
  const file = join(copy, 'sluice/sluice.yaml');
  const text = readFileSync(file, 'utf8')
    .replaceAll('image: node:24', `image: ${base}`)
    .replace('registry.example.com', registryHost)
    .replace(/^( +)platforms:/m, `$1args: { BASE_IMAGE: '${base}', BUILD_IMAGE: '${base}' }\n$&`);
  writeFileSync(file, text);
  return copy;
}

async function putEnvironments(api: Api, engine: string, network: string): Promise<void> {
  for (const [order, name] of ['staging', 'production'].entries()) {
    const port = await freePort();
    await api.catalog.putEnvironment({
      team: 'platform',
      name,
      order,
      settings: {
        gate: { approvals: order, roles: ['release-manager'], noSelfApproval: true },
        target: {
          kind: 'docker',
          engine,
          network,
          port: { container: 4000, host: { sluice: `127.0.0.1:${port}` } },
          healthPath: '/readyz',
          healthTimeoutSeconds: 90,
          env: { PUBLIC_URL: `http://127.0.0.1:${port}` },
          secrets: [],
        },
      },
    });
  }
}

/** Every file that git knows or would add, as it stands in the folder. */
async function pushSources(url: string): Promise<string> {
  const tree = new WorkTree(join(folder.path, 'tree'), DANA);
  await tree.init();
  const listed = await runCommand('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: sources,
  });
  for (const path of listed.split('\0').filter(Boolean)) {
    mkdirSync(join(tree.folder, path, '..'), { recursive: true });
    cpSync(join(sources, path), join(tree.folder, path), { verbatimSymlinks: true, force: true });
  }
  const commit = await tree.commitAll('The sources as they stand');
  await tree.push(url);
  return commit;
}

async function follow(api: Api, serverUrl: string, token: string, commit: string): Promise<void> {
  const told = new Set<string>();
  const tell = (line: string) => {
    if (!told.has(line)) report(line);
    told.add(line);
  };
  const run = await eventually(
    async () => {
      const { items } = await api.runs.listRuns({ service: 'sluice', limit: 5 });
      const found = items.find((candidate) => candidate.commit === commit);
      const detail = found && (await api.runs.getRun({ service: 'sluice', number: found.number }));
      for (const { key, status } of detail?.jobs ?? []) tell(`${key} ${status}`);
      for (const { environment, status } of detail?.lanes ?? []) tell(`release to ${environment} ${status}`);
      return detail && (detail.finishedAt || detail.status === 'waiting') ? detail : undefined;
    },
    { timeoutMs: LIMIT_MS, everyMs: 1_000, describe: 'the run to reach the gate of production' },
  );
  if (run.status === 'waiting') {
    report(
      `run ${run.number} waits at the gate with ${run.image?.repository}@${run.image?.digest}, tests ${JSON.stringify(run.tests)}`,
    );
    return;
  }
  for (const job of run.jobs.filter(({ status }) => status !== 'passed')) {
    const attempt = job.attempts.at(-1);
    if (attempt === undefined) continue;
    const answer = await fetch(`${serverUrl}/api/v1/attempts/${attempt.id}/log`, {
      headers: { authorization: `Bearer ${token}` },
    });
    report(`${job.key} ended as ${job.status}; its log ends with:\n${(await answer.text()).slice(-4000)}`);
  }
  throw new Error(`The run ${run.status}: ${run.reason?.message ?? 'no reason given'}`);
}
