// node --conditions=@sluice/source docker/visitor.ts host | set-up TOKEN | push REGISTRY
//
// In compose.spec.ts: whoever uses an installation from outside, in a container of its network. `host` serves a repository until it
// is stopped; `set-up` takes the empty installation into use and prints a registration token for each of two runners; `push` pushes a commit and prints
// its run as JSON once that has ended.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectWithToken, eventually, setUpInstallation, startGitHost, WorkTree } from '@sluice/testing';

const FOLDER = '/tmp/visit';
const STATE = `${FOLDER}-state.json`;
const REPOSITORIES = `${FOLDER}-repositories`;
const DANA = { login: 'dana', name: 'Dana Okafor', email: 'dana@example.com' };
const USERS = { dana: 'pushes-in-the-spec' };
const LOG_LINES = 90_000;
const LINE = 'a line of a log that is long enough to leave the database for the bucket, as 100 bytes of text do';

const url = `https://${process.env['SLUICE_HOST']}`;

async function host(): Promise<void> {
  const gitHost = await startGitHost({
    root: REPOSITORIES,
    port: 4080,
    listen: { address: '0.0.0.0', name: 'git.test' },
    users: USERS,
  });
  await new Promise<void>((resolve) => process.once('SIGTERM', () => resolve()));
  await gitHost.stop();
}

async function setUp(setupToken: string): Promise<void> {
  const { admin } = await setUpInstallation(url, setupToken, {
    team: { slug: 'shop', title: 'Shop' },
    people: [{ login: DANA.login, name: DANA.name, role: 'developer' }],
  });
  const api = connectWithToken(url, admin.token);
  const pool = await api.catalog.createPool({ name: 'everyone', team: 'shop', labels: [], trust: 'trusted' });
  const connected = await api.catalog.connectRepository({
    team: 'shop',
    url: 'http://git.test:4080/first.git',
    kind: 'git',
  });
  // A second desk of the same host: repositories are folders, and the hook is read anew at each push.
  const desk = await startGitHost({ root: REPOSITORIES, users: USERS });
  await desk.createRepository('first', {
    hookUrl: url + connected.repository.hookPath,
    hookSecret: connected.hookSecret,
  });
  await desk.stop();
  await api.catalog.registerService({
    team: 'shop',
    slug: 'first',
    repositoryId: connected.repository.id,
    path: '.',
  });
  writeFileSync(STATE, JSON.stringify({ token: admin.token }));
  for (let runner = 1; runner <= 2; runner += 1)
    process.stdout.write(`${(await api.catalog.createRegistrationToken({ poolId: pool.id })).token}\n`);
}

async function push(registry: string): Promise<void> {
  const { token } = JSON.parse(readFileSync(STATE, 'utf8')) as { token: string };
  const api = connectWithToken(url, token);
  const tree = new WorkTree(`${FOLDER}-tree`, DANA);
  if (!existsSync(tree.folder)) await tree.init();
  for (const [path, text] of Object.entries(files(registry))) writeFileSync(join(tree.folder, path), text);
  const commit = await tree.commitAll('first');
  await tree.push(`http://dana:${USERS.dana}@git.test:4080/first.git`);
  const run = await eventually(
    async () => {
      const { items } = await api.runs.listRuns({ service: 'first', limit: 5 });
      const found = items.find((candidate) => candidate.commit === commit);
      const detail = found && (await api.runs.getRun({ service: 'first', number: found.number }));
      return detail?.finishedAt ? detail : undefined;
    },
    { timeoutMs: 120_000, everyMs: 250, describe: 'the run of the push to end' },
  );
  const logs: Record<string, object> = {};
  for (const job of run.jobs) {
    const attempt = job.attempts.at(-1)!;
    const answer = await fetch(`${url}/api/v1/attempts/${attempt.id}/log`, {
      headers: { authorization: `Bearer ${token}` },
    });
    const text = await answer.text();
    logs[job.key] = {
      length: attempt.log.length,
      lines: text.split('\n').filter((line) => line.endsWith(LINE)).length,
      end: text.trimEnd().split('\n').at(-1) ?? '',
    };
  }
  const runners = await eventually(
    async () => {
      const listed = await api.catalog.listRunners({});
      return listed.length === 2 ? listed : undefined;
    },
    { timeoutMs: 30_000, describe: 'both runners to be registered' },
  );
  process.stdout.write(
    JSON.stringify({
      status: run.status,
      reason: run.reason,
      jobs: Object.fromEntries(run.jobs.map(({ key, status }) => [key, status])),
      image: run.image,
      logs,
      runners: runners.map(({ name, state }) => [name, state]),
    }),
  );
}

function files(registry: string): Record<string, string> {
  const loud = `awk 'BEGIN { for (i = 1; i <= ${LOG_LINES}; i++) print i " ${LINE}" }'`;
  return {
    'sluice.yaml': JSON.stringify({
      service: 'first',
      commit: { jobs: { unit: { image: 'sluice-base/busybox:1', steps: [{ run: loud }] } } },
      build: { image: { repository: `${registry}/spec/first` } },
      test: {
        jobs: {
          acceptance: {
            image: 'sluice-base/busybox:1',
            services: { app: { image: 'built', port: 8080, healthy: '/hello' } },
            steps: [{ run: 'wget -q -O - http://app:8080/hello' }],
          },
        },
      },
    }),
    Dockerfile:
      'FROM sluice-base/busybox:1\nRUN mkdir /www && echo "hello from the built image" >/www/hello\nCMD ["httpd", "-f", "-p", "8080", "-h", "/www"]\n',
  };
}

const [task, argument = ''] = process.argv.slice(2);
if (task === 'host') await host();
else if (task === 'set-up') await setUp(argument);
else if (task === 'push') await push(argument);
else throw new Error(`There is no task ${JSON.stringify(task)}; use host, set-up or push.`);
