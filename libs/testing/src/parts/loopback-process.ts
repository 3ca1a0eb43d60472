import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { eventually } from './eventually.ts';
import { onPath } from './debian-packages.ts';

export interface LoopbackProcessOptions {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly logFile: string;
  /** Put in front of the command, e.g. `unshare ...`; the parent-death watch goes between the two, since it is lost when ids change. */
  readonly prefix?: readonly string[];
  /** Resolves truthy when the service answers. */
  readonly ready: () => Promise<unknown>;
  readonly readyTimeoutMs?: number;
  /** Signal of an orderly stop. Default SIGTERM. */
  readonly stopSignal?: NodeJS.Signals;
}

/** A service process of ours: its own session, so that Ctrl-C does not reach it, and yet never outliving us. */
export class LoopbackProcess {
  readonly #options: LoopbackProcessOptions;
  #child: ChildProcess | undefined;

  constructor(options: LoopbackProcessOptions) {
    this.#options = options;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  async start(): Promise<void> {
    const { name, command, args, env, cwd, logFile, prefix = [], ready, readyTimeoutMs = 20_000 } = this.#options;
    if (this.#child !== undefined) throw new Error(`${name} is already running`);
    mkdirSync(dirname(logFile), { recursive: true });
    const watch = onPath('setpriv') ? ['setpriv', '--pdeathsig', this.#options.stopSignal ?? 'SIGTERM'] : [];
    const [file, ...rest] = [...prefix, ...watch.map((word) => word.replace(/^SIG/, '')), command, ...args] as [
      string,
      ...string[],
    ];
    const log = openSync(logFile, 'a');
    const child = spawn(file, rest, {
      detached: true,
      stdio: ['ignore', log, log],
      env: env ?? process.env,
      ...(cwd === undefined ? {} : { cwd }),
    });
    closeSync(log);
    this.#child = child;
    let ended: string | undefined;
    child.once('error', (error) => (ended = error.message));
    child.once('exit', (code, signal) => {
      ended ??= `exit ${signal ?? code}`;
      if (this.#child === child) this.#child = undefined;
    });
    try {
      await eventually(
        async () => {
          if (ended !== undefined) return 'ended';
          return (await ready()) ? 'ready' : undefined;
        },
        { timeoutMs: readyTimeoutMs, everyMs: 25, describe: `${name} to answer` },
      );
      if (ended !== undefined) throw new Error(ended);
    } catch (cause) {
      await this.stop('SIGKILL');
      throw new Error(
        `${name} did not start (${(cause as Error).message}); its log ${logFile} ends with:\n${tail(logFile)}`,
        { cause },
      );
    }
  }

  /** Ends the process and waits for its end; after 10 s it is killed. */
  async stop(signal: NodeJS.Signals = this.#options.stopSignal ?? 'SIGTERM'): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill(signal);
    const giveUp = setTimeout(() => child.kill('SIGKILL'), 10_000);
    await exited;
    clearTimeout(giveUp);
    this.#child = undefined;
  }
}

/** The last lines of a log file, for an error message. */
export function tail(path: string, lines = 15): string {
  try {
    return readFileSync(path, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
  } catch {
    return '(no log)';
  }
}
