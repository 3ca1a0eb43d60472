import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { LeaseGrant } from '@sluice/protocol';
import { startGitHost } from '@sluice/testing';
import type { GitHost } from '@sluice/testing';
import { pino } from 'pino';
import type { RunnerConfig } from '../config.ts';
import { DEFAULT_JOB_SUBNETS } from '../executor/docker/job-subnets.ts';
import { ScriptedExecutor } from '../executor/scripted/scripted-executor.ts';
import type { Runner, RunnerDeps } from '../start-runner.ts';
import { startRunner } from '../start-runner.ts';
import type { FakeServer } from './fake-server.ts';
import { startFakeServer } from './fake-server.ts';

type Work = LeaseGrant['work'];
type StepsWork = Extract<Work, { kind: 'steps' }>;

/** Everything a runner needs to run for real except a control plane, with one repository of one commit. */
export interface RunnerBench {
  readonly server: FakeServer;
  readonly git: GitHost;
  readonly executor: ScriptedExecutor;
  readonly folder: string;
  readonly config: RunnerConfig;
  /** The commit of the repository that every grant names unless told otherwise. */
  readonly commit: string;
  start(deps?: RunnerDeps, config?: Partial<RunnerConfig>): Promise<Runner>;
  /** A grant of a job whose steps have these texts. */
  steps(runs: readonly string[], change?: Partial<StepsWork>, grant?: Partial<LeaseGrant>): LeaseGrant;
  grant(work: Work, change?: Partial<LeaseGrant>): LeaseGrant;
  /** Commits files to a branch of the repository and returns the commit. */
  push(files: Readonly<Record<string, string>>, branch?: string): string;
  stop(): Promise<void>;
}

export async function runnerBench(): Promise<RunnerBench> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-runner-'));
  const server = await startFakeServer();
  const git = await startGitHost({ root: join(folder, 'git') });
  // Pushed by path: a push over HTTP would wait for this very process.
  const { folder: bare } = await git.createRepository('shop');
  const work = join(folder, 'work-tree');
  mkdirSync(work);
  const run = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=Dev', '-c', 'user.email=dev@example.com', ...args], {
      cwd: work,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
      .toString()
      .trim();
  run('init', '--quiet', '--initial-branch=main');
  const heads = new Map<string, string>();
  const push = (files: Readonly<Record<string, string>>, branch = 'main'): string => {
    // Always a detached head: any name that a ref may have works.
    const base = heads.get(branch) ?? heads.get('main');
    if (base !== undefined) run('checkout', '--quiet', '--detach', base);
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(work, name)), { recursive: true });
      writeFileSync(join(work, name), text);
    }
    run('add', '--all');
    run('commit', '--quiet', '--allow-empty', '-m', 'change');
    run('push', '--quiet', '--force', bare, `HEAD:refs/heads/${branch}`);
    const pushed = run('rev-parse', 'HEAD');
    heads.set(branch, pushed);
    return pushed;
  };
  const commit = push({ 'services/catalog/hello.txt': 'hello\n', 'README.md': 'shop\n' });
  const executor = new ScriptedExecutor();
  const runners: Runner[] = [];
  const config: RunnerConfig = {
    serverUrl: server.url,
    registrationToken: 'registration-token',
    name: 'bench',
    workDir: join(folder, 'runner'),
    slots: 1,
    gitHttpOrigins: [git.origin],
    jobNetwork: 'open',
    jobSubnets: DEFAULT_JOB_SUBNETS,
    jobMetadata: 'denied',
    nameServers: [],
    imageBuilder: 'auto',
    warmContainers: 0,
    maxRepositoryMiB: 1000,
    minFreeMiB: 0,
    hostExecutor: false,
    keptJobs: 2,
    once: false,
    logLevel: 'silent',
  };
  const grant = (given: Work, change: Partial<LeaseGrant> = {}): LeaseGrant => ({
    attemptId: randomUUID(),
    epoch: 1,
    expiresAt: new Date(Date.now() + 60_000).toISOString(),
    renewSeconds: 0.05,
    run: {
      id: randomUUID(),
      service: 'catalog',
      team: 'accounts',
      number: 7,
      ref: 'refs/heads/main',
      commit,
      trust: 'trusted',
    },
    job: { key: 'commit/verify', attempt: 1, timeoutSeconds: 60 },
    source: {
      url: git.repositoryUrl('shop'),
      path: 'services/catalog',
      commit,
      ref: 'refs/heads/main',
      credential: null,
    },
    work: given,
    secrets: [],
    registries: [],
    log: { maxBytes: 10_000_000, length: 0 },
    ...change,
  });
  return {
    server,
    git,
    executor,
    folder,
    config,
    commit,
    push,
    grant,
    steps: (runs, change = {}, grantChange = {}) =>
      grant(
        {
          kind: 'steps',
          image: 'any',
          steps: runs.map((text, at) => ({ name: `step ${at + 1}`, run: text, env: {} })),
          env: {},
          services: {},
          junit: [],
          resources: { cpus: 1, memoryMiB: 128, pids: 100 },
          ...change,
        },
        grantChange,
      ),
    start: async (deps = {}, change = {}) => {
      const runner = await startRunner(
        { ...config, ...change },
        {
          executor: () => executor,
          logger: pino({ level: process.env['SLUICE_TEST_LOG'] ?? 'silent' }),
          backOff: { firstMs: 20, longestMs: 100, random: Math.random },
          graceMs: 100,
          sweepEveryMs: 50,
          ...deps,
        },
      );
      runners.push(runner);
      return runner;
    },
    stop: async () => {
      server.fault = () => undefined;
      for (const runner of runners) runner.cancel();
      await Promise.all(runners.map((runner) => runner.finished.catch(() => undefined)));
      await server.stop();
      await git.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
