import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ALLOCATOR_SETTINGS } from '@sluice/memory';
import type { Logger } from 'pino';
import type { Config } from './platform/config/config.ts';

const PROGRAM = fileURLToPath(new URL('../../runner/dist/main.js', import.meta.url));
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;
/** A runner that lived so long was fine: the next pause is short again. */
const HEALTHY_MS = 60_000;
const DRAIN_MS = 10_000;
const CANCEL_MS = 15_000;

export interface EmbeddedRunnerParts {
  readonly config: Config;
  readonly logger: Logger;
  readonly serverUrl: string;
  /** A fresh registration token; the runner uses it only when it has no token of its own, or an old one. */
  readonly registrationToken: () => Promise<string>;
  /** Default: the runner's own program, as it was built. */
  readonly program?: string;
  /** Default: 1,000. */
  readonly firstPauseMs?: number;
}

/** One runner as a child process: speaks the same protocol over loopback as any other, and is started again when it ends. */
export class EmbeddedRunner {
  readonly #parts: EmbeddedRunnerParts;
  #child: ChildProcess | undefined;
  #pause: NodeJS.Timeout | undefined;
  #pauseMs: number;
  #stopping = false;
  constructor(parts: EmbeddedRunnerParts) {
    this.#parts = parts;
    this.#pauseMs = this.#firstPauseMs;
  }

  get #program(): string {
    return this.#parts.program ?? PROGRAM;
  }

  get #firstPauseMs(): number {
    return this.#parts.firstPauseMs ?? FIRST_PAUSE_MS;
  }

  start(): void {
    if (!existsSync(this.#program)) {
      this.#parts.logger.error(
        `The runner is not built (${this.#program} is missing), so no job will run; run: npm run build`,
      );
      return;
    }
    void this.#launch();
  }

  async #launch(): Promise<void> {
    const { config, logger } = this.#parts;
    try {
      const env = runnerEnvironment(this.#parts, await this.#parts.registrationToken());
      if (this.#stopping) return;
      const startedAt = performance.now();
      // A session of its own: Ctrl-C reaches the server alone, which then ends the runner first.
      const child = spawn(process.execPath, [this.#program], {
        env,
        stdio: ['ignore', 'inherit', 'inherit'],
        cwd: config.dataFolder,
        detached: true,
      });
      this.#child = child;
      child.once('error', (error) => logger.error({ err: error }, 'the embedded runner could not be started'));
      child.once('close', (code, signal) => {
        this.#child = undefined;
        if (this.#stopping) return;
        if (performance.now() - startedAt > HEALTHY_MS) this.#pauseMs = this.#firstPauseMs;
        logger.warn(
          `The embedded runner ended (${signal ?? `code ${code}`}) and is started again in ${this.#pauseMs / 1000} s.`,
        );
        this.#again();
      });
    } catch (error) {
      if (this.#stopping) return;
      logger.warn({ err: error }, 'the embedded runner could not get a registration token yet');
      this.#again();
    }
  }

  #again(): void {
    this.#pause = setTimeout(() => void this.#launch(), this.#pauseMs);
    this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
  }

  /** Lets it finish what is nearly done, then asks it to cancel with grace and to clean up, then ends it. */
  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#pause);
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise<true>((resolve) => child.once('close', () => resolve(true)));
    for (const [signal, limitMs] of [
      ['SIGTERM', DRAIN_MS],
      ['SIGTERM', CANCEL_MS],
      ['SIGKILL', 2_000],
    ] as const) {
      child.kill(signal);
      if (await within(ended, limitMs)) return;
    }
  }
}

/** What the runner needs and nothing else: no database, no queue, no master key, no cloud credentials. */
function runnerEnvironment({ config, serverUrl }: EmbeddedRunnerParts, registrationToken: string): NodeJS.ProcessEnv {
  return {
    ...ALLOCATOR_SETTINGS,
    ...config.embeddedRunnerEnvironment,
    SLUICE_URL: serverUrl,
    SLUICE_REGISTRATION_TOKEN: registrationToken,
    SLUICE_RUNNER_NAME: config.embeddedRunnerEnvironment['SLUICE_RUNNER_NAME'] ?? 'embedded',
    SLUICE_RUNNER_DIR: join(config.dataFolder, 'runner'),
    SLUICE_RUNNER_SLOTS: String(config.runnerSlots),
    SLUICE_GIT_ALLOW_ORIGINS: config.gitAllowOrigins.filter((origin) => origin.startsWith('http:')).join(','),
    SLUICE_LOG_LEVEL: config.logLevel === 'trace' ? 'debug' : config.logLevel,
  };
}

async function within(ended: Promise<true>, limitMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => (timer = setTimeout(() => resolve(false), limitMs)));
  const result = await Promise.race([ended, late]);
  clearTimeout(timer);
  return result;
}
