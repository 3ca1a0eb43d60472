import { randomUUID } from 'node:crypto';
import { uptime } from 'node:os';
import { pino } from 'pino';
import type { Logger } from 'pino';
import { MirrorCache } from './checkout/mirror-cache.ts';
import type { RunnerConfig } from './config.ts';
import { KeptJobs } from './debug/kept-jobs.ts';
import { ContainerOrHost } from './executor/container-or-host.ts';
import { connectEngine } from './executor/docker/connect-engine.ts';
import { DockerExecutor } from './executor/docker/docker-executor.ts';
import { reachWarnings } from './executor/docker/reach-warnings.ts';
import type { Executor } from './executor/executor.port.ts';
import { HostExecutor } from './executor/host/host-executor.ts';
import { Fitness } from './fitness.ts';
import { ExecutorHealth } from './health.ts';
import { ActiveJobs } from './job/active-jobs.ts';
import { RenewalThread } from './lease/renewal-thread.ts';
import { pollForLeases } from './poller/poll-for-leases.ts';
import { tellTrouble } from './poller/tell-trouble.ts';
import { knownToken, register } from './register-runner.ts';
import { reportLeft } from './result/recover-attempts.ts';
import type { Recovery } from './result/recover-attempts.ts';
import { sortAttempts } from './result/sort-attempts.ts';
import type { AttemptFolder } from './result/attempt-folder.ts';
import { SERVER_BACK_OFF, untilAnswered } from './server/back-off.ts';
import type { BackOff } from './server/back-off.ts';
import { RunnerApi } from './server/runner-api.ts';
import { guardDisk } from './work-dir/guard-disk.ts';
import type { DiskGuard } from './work-dir/guard-disk.ts';
import { WorkDir } from './work-dir/work-dir.ts';

export const RUNNER_VERSION = '0.1.0';
const SWEEP_EVERY_MS = 60_000;
const LAST_WORDS_MS = 10_000;

export interface RunnerDeps {
  readonly executor?: (identity: string) => Executor;
  readonly logger?: Logger;
  readonly newId?: () => string;
  readonly now?: () => Date;
  readonly backOff?: BackOff;
  /** Between SIGTERM to a step's processes and the removal of its container. */
  readonly graceMs?: number;
  readonly sweepEveryMs?: number;
  readonly disk?: Pick<DiskGuard, 'freeBytes' | 'everyMs'>;
  /** After `cancel`, beyond the grace: how long results may take to reach the server. Default 10 s. */
  readonly lastWordsMs?: number;
}

export interface Runner {
  readonly state: () => 'running' | 'draining' | 'unhealthy';
  /** Takes no new job; leases are kept until the last job is done. */
  drain(): void;
  /** Drains and ends the running jobs, with grace. */
  cancel(): void;
  /** Resolves when drained and everything is removed and reported. */
  readonly finished: Promise<void>;
}

/**
 * Starts a runner: takes up the jobs that an earlier process left running, sweeps what else it left in the engine, reports what it left
 * unsaid, and polls. Throws (`WorkDirProblem`,
 * `NoRunnerToken`, `ServerRefusal` of a registration) when it cannot begin.
 */
export async function startRunner(config: RunnerConfig, deps: RunnerDeps = {}): Promise<Runner> {
  const logger = deps.logger ?? pino({ level: config.logLevel, base: { runner: config.name } });
  const backOff = deps.backOff ?? { ...SERVER_BACK_OFF, random: Math.random };
  const workDir = WorkDir.open(config.workDir);
  const draining = new AbortController();
  const leaving = new AbortController();
  const ended = new AbortController();
  try {
    const token = knownToken(config, workDir);
    const api = new RunnerApi(config.serverUrl, token ?? '', RUNNER_VERSION, { host: config.hostExecutor });
    if (token === undefined)
      await untilAnswered(
        () => register(api, config, workDir),
        backOff,
        draining.signal,
        (error) => logger.warn(error.message),
      );
    const executor = deps.executor?.(workDir.identity) ?? ownExecutor(config, workDir, logger);
    const mirrors = new MirrorCache({
      folder: workDir.mirrors,
      httpOrigins: config.gitHttpOrigins,
      maxMiB: config.maxRepositoryMiB,
    });
    const renewals = new RenewalThread(api);
    const jobs = new ActiveJobs(
      {
        api,
        renewals,
        executor,
        mirrors,
        workDir,
        backOff,
        logger,
        kept: new KeptJobs({
          api,
          backOff,
          logger,
          most: config.keptJobs,
          ending: draining.signal,
          leaving: leaving.signal,
        }),
        now: deps.now ?? (() => new Date()),
        uptime,
        leaving: leaving.signal,
      },
      {
        slots: config.slots,
        ...(deps.graceMs === undefined ? {} : { graceMs: deps.graceMs }),
        onUnclean: (error) => health.markUnhealthy(error),
      },
    );
    const fitness = new Fitness();
    const health = new ExecutorHealth(executor, jobs.isActive, fitness, logger, deps.sweepEveryMs ?? SWEEP_EVERY_MS);
    const left = await sortAttempts(workDir.attempts, executor, logger);
    const resumed = left.running.map((job) => jobs.resume(job));
    if (config.once && resumed.length > 0) draining.abort();
    const clean = health.keepClean(ended.signal);
    const recovery = reportEach(left.ended, { api, renewals, backOff, logger, signal: draining.signal });
    const guarding = guardDisk({
      folder: workDir.path,
      minFreeMiB: config.minFreeMiB,
      fitness,
      logger,
      signal: ended.signal,
      ...deps.disk,
    });
    const newId = deps.newId ?? randomUUID;
    const telling = tellTrouble({ api, slots: config.slots, fitness, newId, draining: draining.signal });
    const polling = pollForLeases({
      api,
      slots: config.slots,
      backOff,
      newId,
      logger,
      draining: draining.signal,
      mayTakeWork: fitness.whenFit,
      mayNotTakeWork: fitness.unfitSignal,
      trouble: () => fitness.trouble,
      run: async (grant) => {
        await jobs.run(grant);
        if (config.once) draining.abort();
      },
      onUnauthorized: async () => {
        if (config.registrationToken === undefined || config.tokenFile !== undefined) return false;
        await register(api, config, workDir);
        return true;
      },
    });
    logger.info({ server: config.serverUrl.origin, slots: config.slots, identity: workDir.identity }, 'runner started');
    const end = async (): Promise<void> => {
      try {
        await Promise.all([polling, telling, recovery, ...resumed]);
        await jobs.allCleaned();
      } finally {
        ended.abort();
        await Promise.all([clean, guarding, renewals.close()]);
        await executor
          .close()
          .catch((error: unknown) => logger.warn({ err: error }, 'something is left in the engine'));
        workDir.close();
        logger.info('runner ended');
      }
    };
    const finished = end();
    finished.catch(() => undefined);
    return {
      state: () => (draining.signal.aborted ? 'draining' : fitness.trouble === undefined ? 'running' : 'unhealthy'),
      drain: () => draining.abort(),
      cancel: () => {
        draining.abort();
        jobs.stopAll('runner-stopped');
        setTimeout(() => leaving.abort(), (deps.graceMs ?? 10_000) + (deps.lastWordsMs ?? LAST_WORDS_MS)).unref();
      },
      finished,
    };
  } catch (error) {
    workDir.close();
    throw error;
  }
}

async function reportEach(attempts: readonly AttemptFolder[], recovery: Recovery): Promise<void> {
  for (const attempt of attempts) await reportLeft(attempt, recovery);
}

function ownExecutor(config: RunnerConfig, { identity: runner, hostJobs }: WorkDir, logger: Logger): Executor {
  for (const warning of reachWarnings(config)) logger.warn(warning);
  return new ContainerOrHost(
    new DockerExecutor({
      docker: connectEngine(config),
      runner,
      internalNetwork: config.jobNetwork === 'internal',
      subnets: config.jobSubnets,
      metadata: config.jobMetadata,
      nameServers: config.nameServers,
      builder: config.imageBuilder,
      warmContainers: config.warmContainers,
      ...(config.helperImage === undefined ? {} : { helperImage: config.helperImage }),
    }),
    // Off, it still ends what is left from a time when it was on.
    new HostExecutor({ root: hostJobs, runner, enabled: config.hostExecutor }),
  );
}
