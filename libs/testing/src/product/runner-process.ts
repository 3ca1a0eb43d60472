import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../parts/eventually.ts';
import { LoopbackProcess } from '../parts/loopback-process.ts';

export interface RunnerProcessOptions {
  /** Folder of the repository; `apps/runner/dist/main.js` must have been built. */
  readonly root: string;
  readonly serverUrl: string;
  readonly name: string;
  /** What `SLUICE_RUNNER_DIR` names: token, mirrors, spools. */
  readonly workDir: string;
  readonly logFile: string;
  /** Used at the first start only; the runner keeps the token it brings. */
  readonly registrationToken: string;
  readonly slots?: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** One runner of the product as a process of its own, to be drained, killed, and started again on the same work folder. */
export class RunnerProcess {
  readonly name: string;
  readonly logFile: string;
  readonly workDir: string;
  readonly #options: RunnerProcessOptions;
  #process: LoopbackProcess;

  constructor(options: RunnerProcessOptions) {
    this.#options = options;
    this.name = options.name;
    this.logFile = options.logFile;
    this.workDir = options.workDir;
    this.#process = this.#make(0);
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Resolves when the runner says that it has started. `env`: settings of this start alone. */
  async start(env: Readonly<Record<string, string>> = {}): Promise<void> {
    this.#process = this.#make(existsSync(this.logFile) ? statSync(this.logFile).size : 0, env);
    await this.#process.start();
  }

  /** Asks for a drain (SIGTERM) and returns at once. */
  askToDrain(): void {
    if (this.pid !== undefined) process.kill(this.pid, 'SIGTERM');
  }

  /** Resolves when the process has ended by itself. */
  async ended(timeoutMs: number): Promise<void> {
    await eventually(() => this.pid === undefined, { timeoutMs, describe: `the runner ${this.name} to end` });
  }

  /** Ends it and waits; what does not end within ten seconds is killed. */
  stop(signal?: NodeJS.Signals): Promise<void> {
    return this.#process.stop(signal);
  }

  /** The runner's own token, for calls that a runner of the past would make. */
  token(): string {
    return readFileSync(join(this.workDir, 'runner-token'), 'utf8').trim();
  }

  /** What labels everything this runner makes in the engine. */
  identity(): string {
    return readFileSync(join(this.workDir, 'identity'), 'utf8').trim();
  }

  #make(logOffset: number, ofThisStart: Readonly<Record<string, string>> = {}): LoopbackProcess {
    const { root, serverUrl, name, workDir, logFile, registrationToken, slots = 2, env } = this.#options;
    return new LoopbackProcess({
      name: `the Sluice runner ${name}`,
      command: process.execPath,
      args: [join(root, 'apps/runner/dist/main.js')],
      cwd: root,
      env: {
        PATH: process.env['PATH'] ?? '/usr/bin:/bin',
        HOME: process.env['HOME'] ?? '/',
        SLUICE_URL: serverUrl,
        SLUICE_RUNNER_NAME: name,
        SLUICE_RUNNER_DIR: workDir,
        SLUICE_RUNNER_SLOTS: String(slots),
        SLUICE_REGISTRATION_TOKEN: registrationToken,
        ...env,
        ...ofThisStart,
      },
      logFile,
      readyTimeoutMs: 30_000,
      ready: async () => existsSync(logFile) && readFileSync(logFile).subarray(logOffset).includes('runner started'),
    });
  }
}
