import { setTimeout as pause } from 'node:timers/promises';
import type { ServerProcess } from '@sluice/testing';

/** The replicas of one installation, to be killed and brought back. The first address never changes: the others join it. */
export class ServerGroup {
  readonly replicas: readonly ServerProcess[];
  /** Those that should be up; what else is down, somebody took down. */
  readonly #expected = new Set<ServerProcess>();

  constructor(replicas: readonly ServerProcess[]) {
    this.replicas = replicas;
  }

  /** Address of a replica that runs. */
  get url(): string {
    return (this.replicas.find((replica) => replica.pid !== undefined) ?? this.replicas[0]!).url;
  }

  async start(env?: Readonly<Record<string, string>>): Promise<void> {
    // One after the other: the first one migrates and prints the set-up link.
    for (const replica of this.replicas) {
      if (replica.pid !== undefined) continue;
      await replica.start(env);
      this.#expected.add(replica);
    }
  }

  async stop(signal?: NodeJS.Signals): Promise<void> {
    this.#expected.clear();
    await Promise.all(this.replicas.map((replica) => replica.stop(signal)));
  }

  /** Starts all replicas anew, e.g. with failpoints. */
  async restart(env?: Readonly<Record<string, string>>, signal?: NodeJS.Signals): Promise<void> {
    await this.stop(signal);
    await this.start(env);
  }

  /** Brings every replica back that dies, with the settings that `envOf` names for that many deaths, until it is ended. */
  supervise(envOf: (deaths: number) => Readonly<Record<string, string>> = () => ({})): Supervision {
    let over = false;
    let deaths = 0;
    const watch = (async () => {
      while (!over) {
        for (const replica of this.replicas) {
          if (over || replica.pid !== undefined || !this.#expected.has(replica)) continue;
          deaths += 1;
          // A failpoint may end the replica while it starts: that is one more death, seen at the next look.
          await replica.start(envOf(deaths)).catch(() => undefined);
        }
        await pause(25);
      }
    })();
    return {
      deaths: () => deaths,
      end: async () => {
        if (over) return deaths;
        over = true;
        await watch;
        // Whoever comes next finds all of them up.
        for (const replica of this.#expected) if (replica.pid === undefined) await replica.start();
        return deaths;
      },
    };
  }
}

export interface Supervision {
  /** Deaths so far. */
  deaths(): number;
  /** Resolves with the number of deaths, when everything is up. */
  end(): Promise<number>;
}
