import { startFaultProxy, type FaultProxy } from '@sluice/testing';
import type { Stores } from '../world/stores.ts';
import type { Wiring } from '../world/world.ts';
import type { Acknowledged } from './history.ts';
import { recordRunnerCalls } from './record-runner-calls.ts';

export interface Link {
  /** `server 1 - PostgreSQL` */
  readonly name: string;
  readonly proxy: FaultProxy;
}

/** Every connection between two programs of the installation, each with something in it that can break it. */
export class Links implements Wiring {
  readonly toDatabase: Link[] = [];
  readonly toQueue: Link[] = [];
  readonly ofRunners: Link[] = [];
  readonly #record: (call: Acknowledged) => void;
  readonly #stops: (() => Promise<void>)[] = [];

  constructor(record: (call: Acknowledged) => void) {
    this.#record = record;
  }

  async storesOf({ database, redis }: Stores, replica: number): Promise<Readonly<Record<string, string>>> {
    if (database === undefined || redis === undefined) throw new Error('Only the distributed mode has such links.');
    const name = `server ${replica + 1}`;
    return {
      DATABASE_URL: await this.#through(this.toDatabase, `${name} - PostgreSQL`, database.url),
      REDIS_URL: await this.#through(this.toQueue, `${name} - Redis`, redis.url),
    };
  }

  async serverOf(runner: string, url: string): Promise<string> {
    const broken = await this.#through(this.ofRunners, `runner ${runner} - server`, url);
    const recorder = await recordRunnerCalls(Number(new URL(broken).port), this.#record);
    this.#stops.push(() => recorder.stop());
    return withPort(url, recorder.port);
  }

  heal(): void {
    for (const { proxy } of [...this.toDatabase, ...this.toQueue, ...this.ofRunners]) proxy.set({});
  }

  async stop(): Promise<void> {
    for (const stop of this.#stops.reverse()) await stop();
  }

  async #through(links: Link[], name: string, url: string): Promise<string> {
    const proxy = await startFaultProxy({ port: Number(new URL(url).port) });
    this.#stops.push(() => proxy.stop());
    links.push({ name, proxy });
    return withPort(url, proxy.port);
  }
}

function withPort(url: string, port: number): string {
  const changed = new URL(url);
  changed.port = String(port);
  return changed.href.replace(/\/$/, '');
}
