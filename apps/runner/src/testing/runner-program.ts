import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { eventually } from '@sluice/testing';
import type { RunnerBench } from './runner-bench.ts';

const main = fileURLToPath(new URL('../main.ts', import.meta.url));

/** The runner as a program of its own on a bench, so that it can be killed. */
export class RunnerProgram {
  readonly #bench: RunnerBench;
  readonly #child: ChildProcess;

  /** `env` comes on top of what a runner of the bench needs. */
  constructor(bench: RunnerBench, dockerHost: string, env: Readonly<Record<string, string>> = {}) {
    this.#bench = bench;
    this.#child = spawn(process.execPath, ['--conditions', '@sluice/source', '--no-warnings', main], {
      env: {
        PATH: process.env['PATH'],
        SLUICE_URL: bench.server.url.href,
        SLUICE_RUNNER_DIR: bench.config.workDir,
        SLUICE_REGISTRATION_TOKEN: 'registration-token',
        SLUICE_RUNNER_SLOTS: '1',
        SLUICE_GIT_ALLOW_ORIGINS: bench.git.origin,
        DOCKER_HOST: dockerHost,
        ...env,
      } as NodeJS.ProcessEnv,
      stdio: 'ignore',
    });
  }

  send(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Resolves when it has ended, which it may have done before, and the server holds no poll of it. */
  async end(signal: NodeJS.Signals): Promise<void> {
    const { exitCode, signalCode } = this.#child;
    if (exitCode === null && signalCode === null) {
      const gone = new Promise((resolve) => this.#child.once('exit', resolve));
      this.#child.kill(signal);
      await gone;
    }
    // Its connection may end later than its process.
    const polls = { timeoutMs: 100_000, everyMs: 20, describe: 'the end of its poll' };
    await eventually(() => this.#bench.server.openPolls === 0, polls);
  }
}
