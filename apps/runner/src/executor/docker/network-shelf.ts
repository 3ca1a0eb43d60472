import { randomUUID } from 'node:crypto';
import type Docker from 'dockerode';
import { ExecutorTrouble } from '../executor.port.ts';
import { RUNNER_LABEL } from './docker-names.ts';
import { engineStatus, removed, wordsOf } from './engine-trouble.ts';
import { jobSubnets } from './job-subnets.ts';

export interface NetworkShelfOptions {
  readonly docker: Docker;
  readonly runner: string;
  readonly internalNetwork: boolean;
  /** Range of addresses that the networks are cut from: by itself an engine has some thirty ranges in all, for everybody. */
  readonly subnets: string;
  /** Most empty networks that are kept. */
  readonly most: number;
}

export interface LentNetwork {
  readonly name: string;
  /** Kept when the engine has it; a container may be made, but not started, before. */
  readonly made: Promise<void>;
}

/**
 * Networks of ended jobs, kept for the next ones: making and removing one costs an engine a quarter of a second, which every job would
 * wait for. A network is lent to one job at a time and comes back when all its containers are gone; addresses and names go with
 * them, so the next job finds an empty one. What a dead process left is swept like the rest.
 */
export class NetworkShelf {
  readonly #options: NetworkShelfOptions;
  readonly #free: string[] = [];
  readonly #known = new Set<string>();
  #closed = false;

  constructor(options: NetworkShelfOptions) {
    this.#options = options;
  }

  /** Kept or lent: no sweep may remove it. */
  readonly isKnown = (name: string): boolean => this.#known.has(name);

  take(): LentNetwork {
    const kept = this.#free.pop();
    const name = kept ?? `sluice-network-${randomUUID()}`;
    this.#known.add(name);
    const made = kept === undefined ? this.#make(name) : this.#makeAnewIfGone(name);
    // Awaited by the job; it may fail before it gets there.
    made.catch(() => undefined);
    return { name, made };
  }

  /** The network of a job that outlived an earlier process. */
  takeUp(name: string): LentNetwork {
    this.#known.add(name);
    return { name, made: Promise.resolve() };
  }

  /** Only when nothing is connected any more. Throws when it has to be removed and stays. */
  async giveBack({ name, made }: LentNetwork): Promise<void> {
    const isGood = await made.then(
      () => true,
      () => false,
    );
    if (isGood && !this.#closed && this.#free.length < this.#options.most) this.#free.push(name);
    else await this.#remove(name);
  }

  /** A container that would not go may hold it: left to the sweep. */
  abandon({ name }: LentNetwork): void {
    this.#known.delete(name);
  }

  /** Removes what is kept; what comes back later is removed at once. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#free.splice(0).map((name) => this.#remove(name)));
  }

  /** Whether a subnet is free is known to the engine alone: another runner may have it, or anything else. */
  async #make(name: string): Promise<void> {
    const { docker, runner, internalNetwork, subnets } = this.#options;
    for (const Subnet of jobSubnets(subnets)) {
      try {
        await docker.createNetwork({
          Name: name,
          CheckDuplicate: true,
          Internal: internalNetwork,
          EnableIPv6: false,
          IPAM: { Driver: 'default', Config: [{ Subnet }] },
          Labels: { [RUNNER_LABEL]: runner },
        });
        return;
      } catch (error) {
        if (!/overlap/i.test(wordsOf(error))) throw error;
      }
    }
    throw new ExecutorTrouble(
      'engine',
      `The container engine has no free subnet in ${subnets} for the network of a job: remove networks that nobody uses, or set SLUICE_RUNNER_JOB_SUBNETS to a larger range.`,
    );
  }

  /** An operator's `docker network prune` takes empty networks away. */
  async #makeAnewIfGone(name: string): Promise<void> {
    try {
      await this.#options.docker.getNetwork(name).inspect();
    } catch (error) {
      if (engineStatus(error) !== 404) throw error;
      await this.#make(name);
    }
  }

  async #remove(name: string): Promise<void> {
    // Forgotten first: should this fail, the sweep finds it.
    this.#known.delete(name);
    await removed(() => this.#options.docker.getNetwork(name).remove());
  }
}
