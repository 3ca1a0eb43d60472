import { chownSync, existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { ALLOCATOR_SETTINGS } from '@sluice/memory';
import { execa } from 'execa';
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
  /** Runs as a container of this image, beside an engine on this machine, whose socket it gets. */
  readonly container?: { readonly image: string; readonly engine: string };
}

/** Names the process that started the container, so that what it leaves when it is killed can be found. */
export const OWNER_LABEL = 'sluice.test.owner';
/** The user of the runner's image, and where it has its work folder. */
const IMAGE_USER = 10001;
const IMAGE_WORK_DIR = '/var/lib/sluice-runner';

/** One runner of the product as a process (or container) of its own, to be drained, killed, and started again on the same work folder. */
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
  async stop(signal?: NodeJS.Signals): Promise<void> {
    const { container } = this.#options;
    // What `docker run` is killed with does not reach the container.
    if (container !== undefined && signal === 'SIGKILL') await this.#removeContainer(container.engine);
    await this.#process.stop(signal);
    if (container !== undefined) await this.#removeContainer(container.engine);
  }

  /** The runner's own token, for calls that a runner of the past would make. */
  token(): string {
    return readFileSync(join(this.workDir, 'runner-token'), 'utf8').trim();
  }

  /** What labels everything this runner makes in the engine. */
  identity(): string {
    return readFileSync(join(this.workDir, 'identity'), 'utf8').trim();
  }

  async #removeContainer(engine: string): Promise<void> {
    await execa('docker', ['rm', '--force', '--volumes', this.#containerName], {
      env: { DOCKER_HOST: engine },
      reject: false,
    });
  }

  get #containerName(): string {
    return `${basename(dirname(this.workDir))}-${this.name}`;
  }

  #make(logOffset: number, ofThisStart: Readonly<Record<string, string>> = {}): LoopbackProcess {
    const { root, serverUrl, name, workDir, logFile, registrationToken, slots = 2, env, container } = this.#options;
    const settings = {
      SLUICE_URL: serverUrl,
      SLUICE_RUNNER_NAME: name,
      SLUICE_RUNNER_SLOTS: String(slots),
      SLUICE_REGISTRATION_TOKEN: registrationToken,
      ...env,
      ...ofThisStart,
    };
    const machine = { PATH: process.env['PATH'] ?? '/usr/bin:/bin', HOME: process.env['HOME'] ?? '/' };
    return new LoopbackProcess({
      name: `the Sluice runner ${name}`,
      ...(container === undefined
        ? {
            command: process.execPath,
            args: [join(root, 'apps/runner/dist/main.js')],
            env: { ...machine, ...ALLOCATOR_SETTINGS, SLUICE_RUNNER_DIR: workDir, ...settings },
          }
        : {
            command: 'docker',
            args: this.#containerArgs(container, Object.keys(settings)),
            env: { ...machine, ...settings, DOCKER_HOST: container.engine },
          }),
      cwd: root,
      logFile,
      readyTimeoutMs: 30_000,
      ready: async () => existsSync(logFile) && readFileSync(logFile).subarray(logOffset).includes('runner started'),
    });
  }

  /** As the guide has it, but on the network of this machine, on whose loopback everything listens. */
  #containerArgs(
    { image, engine }: NonNullable<RunnerProcessOptions['container']>,
    settings: readonly string[],
  ): string[] {
    const socket = engine.replace(/^unix:\/\//, '');
    mkdirSync(this.workDir, { recursive: true, mode: 0o700 });
    const isRoot = process.getuid?.() === 0;
    // Who is not root cannot give the folder away, and lends its own name.
    if (isRoot) chownSync(this.workDir, IMAGE_USER, IMAGE_USER);
    return [
      'run',
      '--rm',
      `--name=${this.#containerName}`,
      `--label=${OWNER_LABEL}=${process.pid}`,
      '--network=host',
      `--volume=${socket}:/var/run/docker.sock`,
      `--group-add=${statSync(socket).gid}`,
      `--volume=${this.workDir}:${IMAGE_WORK_DIR}`,
      ...(isRoot ? [] : [`--user=${process.getuid?.()}`]),
      ...settings.map((name) => `--env=${name}`),
      image,
    ];
  }
}
