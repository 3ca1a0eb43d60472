import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ALLOCATOR_SETTINGS } from '@sluice/memory';
import { LoopbackProcess } from '../parts/loopback-process.ts';

export interface ServerProcessOptions {
  /** Folder of the repository; `apps/server/dist/main.js` must have been built. */
  readonly root: string;
  readonly port: number;
  /** What `SLUICE_DATA` names; the log is written beside it. */
  readonly dataDir: string;
  readonly logFile: string;
  /** Further settings of the server. */
  readonly env?: Readonly<Record<string, string>>;
  readonly readyTimeoutMs?: number;
}

/** One server of the product as a process of its own, to be stopped in order, killed, and started again on the same data. */
export class ServerProcess {
  readonly url: string;
  readonly logFile: string;
  readonly #options: ServerProcessOptions;
  #process: LoopbackProcess;

  constructor(options: ServerProcessOptions) {
    this.#options = options;
    this.url = `http://127.0.0.1:${options.port}`;
    this.logFile = options.logFile;
    this.#process = this.#make({});
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Resolves when `/readyz` answers 200. `env` adds settings for this start alone, e.g. failpoints. */
  async start(env: Readonly<Record<string, string>> = {}): Promise<void> {
    // Empty: nothing of this repository's own definitions is loaded, whatever the working folder is.
    mkdirSync(join(this.#options.dataDir, 'no-pipelines'), { recursive: true });
    this.#process = this.#make(env);
    await this.#process.start();
  }

  stop(signal?: NodeJS.Signals): Promise<void> {
    return this.#process.stop(signal);
  }

  /** The token of the one-time set-up link that an empty installation prints; undefined once it was used. */
  setupToken(): string | undefined {
    if (!existsSync(this.logFile)) return undefined;
    return [...readFileSync(this.logFile, 'utf8').matchAll(/\/welcome\?token=([\w-]+)/g)].at(-1)?.[1];
  }

  #make(env: Readonly<Record<string, string>>): LoopbackProcess {
    const { root, port, dataDir, logFile, readyTimeoutMs = 30_000 } = this.#options;
    const logOffset = existsSync(logFile) ? statSync(logFile).size : 0;
    // It answers a moment before it has said where it is and, on an empty installation, how to begin.
    const hasSpoken = () => readFileSync(logFile).subarray(logOffset).includes('Sluice is ready at');
    return new LoopbackProcess({
      name: 'the Sluice server',
      command: process.execPath,
      args: [join(root, 'apps/server/dist/main.js')],
      cwd: root,
      env: {
        PATH: process.env['PATH'] ?? '/usr/bin:/bin',
        HOME: process.env['HOME'] ?? '/',
        ...ALLOCATOR_SETTINGS,
        PORT: String(port),
        HOST: '127.0.0.1',
        PUBLIC_URL: this.url,
        SLUICE_DATA: dataDir,
        SLUICE_PIPELINES_DIR: join(dataDir, 'no-pipelines'),
        ...this.#options.env,
        ...env,
      },
      logFile,
      readyTimeoutMs,
      ready: async () => (await fetch(`${this.url}/readyz`)).ok && hasSpoken(),
    });
  }
}
