import { randomUUID } from 'node:crypto';
import type Docker from 'dockerode';
import type { StepsWork } from '../executor.port.ts';
import { RUNNER_LABEL } from './docker-names.ts';
import type { AttemptNames } from './docker-names.ts';
import { jobContainer } from './job-container.ts';
import type { JobReach } from './job-reach.ts';
import type { LentNetwork, NetworkShelf } from './network-shelf.ts';
import { removeParts } from './remove-attempt.ts';

/** A container whose image nobody asks for any more is given up after this time. */
const KEPT_MS = 30 * 60_000;
/** Images whose use is remembered. */
const REMEMBERED = 200;

export interface WarmShelfOptions extends JobReach {
  readonly docker: Docker;
  readonly runner: string;
  readonly networks: NetworkShelf;
  /** Most containers that wait for a job; 0 = none is ever started before its job. */
  readonly most: number;
  /** Default half an hour. */
  readonly keptMs?: number;
}

/** A container that runs, in a network of its own, and has never seen a job. */
export interface WarmContainer {
  readonly container: Docker.Container;
  readonly network: LentNetwork;
  readonly volume: string;
}

interface Waiting extends WarmContainer {
  readonly key: string;
  readonly expiry: NodeJS.Timeout;
}

type Order = Pick<StepsWork, 'image' | 'resources'>;

/**
 * Containers that are started before their job comes, of images that jobs of late have used: starting one costs an engine a quarter
 * of a second, which every job would wait for. Each serves one job and goes with it. It takes the name of the job when it is given
 * to it; labels cannot follow, so what waits or is lent is known here by name, and what a dead process left is swept.
 */
export class WarmShelf {
  readonly #options: WarmShelfOptions;
  /** The one that waits longest first. */
  readonly #waiting: Waiting[] = [];
  /** How often each was used, least recently used first. */
  readonly #uses = new Map<string, number>();
  readonly #known = new Set<string>();
  readonly #making = new Set<Promise<void>>();
  #closed = false;

  constructor(options: WarmShelfOptions) {
    this.#options = options;
  }

  /** Waits, or belongs to a job that still runs: no sweep may remove a container or volume of this name. */
  readonly isKnown = (name: string): boolean => this.#known.has(name);

  /** One that runs the image which the engine knows by this reference today, from now on under this name. */
  async take(work: Order, name: string): Promise<WarmContainer | undefined> {
    const key = keyOf(work);
    const at = this.#waiting.findIndex((one) => one.key === key);
    const [found] = at === -1 ? [] : this.#waiting.splice(at, 1);
    if (found === undefined) return undefined;
    clearTimeout(found.expiry);
    const { docker } = this.#options;
    try {
      const [image, { Image, State }] = await Promise.all([
        docker.getImage(work.image ?? '').inspect(),
        found.container.inspect(),
      ]);
      if (State.Running && Image === image.Id) {
        this.#known.add(name);
        await found.container.rename({ name });
        return found;
      }
    } catch {
      // An operator removed the container or the image: the job gets a new one.
    }
    this.#known.delete(name);
    await this.#remove(found);
    return undefined;
  }

  /** The container of a job that outlived an earlier process. */
  takeUp(name: string, volume: string): void {
    this.#known.add(name).add(volume);
  }

  /** What was lent is removed, or could not be and is left to the sweep. */
  forget(name: string, volume: string): void {
    this.#known.delete(name);
    this.#known.delete(volume);
  }

  /** A job has ended. Whose image was used before is likely to be used again, so a container of it is started meanwhile. */
  used(work: Order): void {
    const { most } = this.#options;
    if (most === 0 || this.#closed) return;
    const key = keyOf(work);
    const uses = (this.#uses.get(key) ?? 0) + 1;
    this.#uses.delete(key);
    this.#uses.set(key, uses);
    for (const oldest of this.#uses.keys()) {
      if (this.#uses.size <= REMEMBERED) break;
      this.#uses.delete(oldest);
    }
    if (uses < 2 || this.#making.size >= most) return;
    const made = this.#make(key, work).finally(() => this.#making.delete(made));
    this.#making.add(made);
  }

  /** Removes what waits. Throws when something stays. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#making);
    await Promise.all(this.#waiting.splice(0).map((one) => this.#remove(one)));
  }

  /** Never throws: that a container cannot be started is told by the next job that needs one. */
  async #make(key: string, work: Order): Promise<void> {
    const { docker, runner, networks, metadata, most, keptMs = KEPT_MS } = this.#options;
    const names: AttemptNames = { base: `sluice-warm-${randomUUID()}`, labels: { [RUNNER_LABEL]: runner } };
    const network = networks.take();
    const warm = { container: docker.getContainer(names.base), network, volume: names.base };
    this.#known.add(names.base);
    try {
      const { id } = await docker.createContainer(jobContainer(work, names, network.name, this.#options));
      await network.made;
      const container = docker.getContainer(id);
      await container.start();
      await metadata.prove(container);
      const waiting: Waiting = {
        ...warm,
        container,
        key,
        expiry: setTimeout(() => void this.#giveUp(waiting), keptMs).unref(),
      };
      this.#waiting.push(waiting);
    } catch {
      await this.#remove(warm).catch(() => undefined);
    }
    const [longest] = this.#waiting;
    if (longest !== undefined && this.#waiting.length > most) await this.#giveUp(longest);
  }

  async #giveUp(waiting: Waiting): Promise<void> {
    const at = this.#waiting.indexOf(waiting);
    if (at === -1) return;
    this.#waiting.splice(at, 1);
    // What stays is found by the sweep.
    await this.#remove(waiting).catch(() => undefined);
  }

  async #remove({ container, network, volume, expiry }: WarmContainer & Partial<Waiting>): Promise<void> {
    clearTimeout(expiry);
    const { docker, networks } = this.#options;
    try {
      await removeParts({ containers: [container], networks: [], volumes: [docker.getVolume(volume)] });
    } catch (error) {
      networks.abandon(network);
      throw error;
    } finally {
      this.#known.delete(volume);
    }
    await networks.giveBack(network);
  }
}

function keyOf({ image, resources }: Order): string {
  return JSON.stringify([image, resources.cpus, resources.memoryMiB, resources.pids]);
}
