import { setTimeout as pause } from 'node:timers/promises';
import { eventually, type RunnerProcess, type ServerProcess } from '@sluice/testing';

const BACK_WITHIN_MS = 120_000;
const LOOK_MS = 200;

export interface Program {
  /** `server 1`, `runner common-1` */
  readonly name: string;
  readonly process: ServerProcess | RunnerProcess;
}

/** The programs of the installation, to be killed, stopped and brought back; one that ends by itself is noted and brought back too. */
export class Processes {
  readonly servers: readonly Program[];
  readonly runners: readonly Program[];
  /** What ended although nobody ended it, one sentence each. */
  readonly endedByThemselves: string[] = [];
  readonly #down = new Set<Program>();
  readonly #watch: Promise<void>;
  #over = false;

  constructor(servers: readonly ServerProcess[], runners: readonly RunnerProcess[]) {
    this.servers = servers.map((process, index) => ({ name: `server ${index + 1}`, process }));
    this.runners = runners.map((process) => ({ name: `runner ${process.name}`, process }));
    this.#watch = this.#bringBack();
  }

  /** Down for that long, then started until it is up. */
  async end(program: Program, signal: NodeJS.Signals, downMs: number): Promise<void> {
    this.#down.add(program);
    try {
      await program.process.stop(signal);
      await pause(downMs);
      await this.#start(program);
    } finally {
      this.#down.delete(program);
    }
  }

  /** Holds a process in the middle of whatever it does. */
  async freeze({ process: { pid } }: Program, ms: number): Promise<void> {
    if (pid === undefined) return;
    process.kill(pid, 'SIGSTOP');
    try {
      await pause(ms);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
  }

  /** Resolves when everything is up; nothing is brought back from then on. */
  async settle(): Promise<void> {
    this.#over = true;
    await this.#watch;
    for (const program of [...this.servers, ...this.runners])
      if (program.process.pid === undefined) await this.#start(program);
  }

  async #bringBack(): Promise<void> {
    while (!this.#over) {
      for (const program of [...this.servers, ...this.runners]) {
        if (program.process.pid !== undefined || this.#down.has(program)) continue;
        this.endedByThemselves.push(`${program.name} ended by itself; its log is ${program.process.logFile}`);
        this.#down.add(program);
        await this.#start(program).finally(() => this.#down.delete(program));
      }
      await pause(LOOK_MS);
    }
  }

  /** A store may be away just now: then a start fails, and the next one may not. */
  async #start({ name, process: program }: Program): Promise<void> {
    await eventually(() => program.start().then(() => true), {
      timeoutMs: BACK_WITHIN_MS,
      everyMs: 500,
      describe: `${name} to come back`,
    });
  }
}
