import { existsSync, readFileSync, statSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { ServerProcess } from '@sluice/testing';

const LOOK_MS = 20;
/** Starts in a row that end without a failpoint: then it is no kill of ours. */
const MOST_BAD_STARTS = 3;

/** Replicas that die at failpoints and are brought back with the failpoints that are left. */
export class KilledServers {
  readonly #replicas: readonly ServerProcess[];
  readonly #env: Readonly<Record<string, string>>;
  readonly #left: string[];
  readonly #killedAt: string[] = [];
  readonly #trouble: string[] = [];
  readonly #watches: Promise<void>[] = [];
  #over = false;

  /** `env`: of every start, besides the failpoints. */
  constructor(
    replicas: readonly ServerProcess[],
    failpoints: readonly string[],
    env: Readonly<Record<string, string>>,
  ) {
    this.#replicas = replicas;
    this.#left = [...failpoints];
    this.#env = env;
  }

  /** Failpoints in the order in which processes ended at them; with several replicas one name may stand there more often than asked. */
  get killedAt(): readonly string[] {
    return this.#killedAt;
  }

  /** Those that nobody has passed yet. */
  get left(): readonly string[] {
    return this.#left;
  }

  /** What ended otherwise than by a failpoint, one sentence each. */
  get trouble(): readonly string[] {
    return this.#trouble;
  }

  /** Kills what runs, starts everything armed, and brings back whatever dies until `end`. */
  async begin(): Promise<void> {
    await Promise.all(this.#replicas.map((replica) => replica.stop('SIGKILL')));
    const offsets = this.#replicas.map(({ logFile }) => (existsSync(logFile) ? statSync(logFile).size : 0));
    // One after the other, as installations are rolled out: the first one migrates.
    for (const replica of this.#replicas) await replica.start(this.#armed()).catch(() => undefined);
    for (const [index, replica] of this.#replicas.entries()) this.#watches.push(this.#watch(replica, offsets[index]!));
  }

  /** Resolves when every replica is up. */
  async end(): Promise<void> {
    this.#over = true;
    await Promise.all(this.#watches);
  }

  #armed(): Readonly<Record<string, string>> {
    const names = [...new Set(this.#left)];
    return { ...this.#env, ...(names.length > 0 && { SLUICE_FAILPOINTS: names.map((name) => `${name}=exit`).join() }) };
  }

  async #watch(replica: ServerProcess, logOffset: number): Promise<void> {
    let offset = logOffset;
    let badStarts = 0;
    for (;;) {
      if (replica.pid !== undefined) {
        if (this.#over) return;
        await pause(LOOK_MS);
        continue;
      }
      const log = readFileSync(replica.logFile);
      const names = [
        ...log
          .subarray(offset)
          .toString('utf8')
          .matchAll(/^failpoint (\S+): this process ends here$/gm),
      ];
      offset = log.length;
      for (const [, name = ''] of names) this.#record(name);
      badStarts = names.length > 0 ? 0 : badStarts + 1;
      if (names.length === 0)
        this.#trouble.push(`a server ended at no failpoint; its log ${replica.logFile} ends with ${tail(log)}`);
      if (badStarts >= MOST_BAD_STARTS) return;
      // It may die again while it starts: that is seen at the next look.
      await replica.start(this.#armed()).catch(() => undefined);
    }
  }

  #record(name: string): void {
    this.#killedAt.push(name);
    const index = this.#left.indexOf(name);
    if (index >= 0) this.#left.splice(index, 1);
  }
}

function tail(log: Buffer): string {
  return log.toString('utf8').trimEnd().split('\n').slice(-3).join(' / ').slice(-600);
}
