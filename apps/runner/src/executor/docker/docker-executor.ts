import type Docker from 'dockerode';
import type { AttemptLog } from '../../log/attempt-log.ts';
import { Executor } from '../executor.port.ts';
import type { EarlierSandbox, ImagePlan, Sandbox, SandboxPlan } from '../executor.port.ts';
import { buildAndPush } from './build-image.ts';
import type { ImageBuilder } from './build-image.ts';
import { inBuildNetwork } from './build-network.ts';
import { attemptNames } from './docker-names.ts';
import { toTrouble } from './engine-trouble.ts';
import { DEFAULT_JOB_SUBNETS } from './job-subnets.ts';
import type { JobReach } from './job-reach.ts';
import { MetadataDenial } from './metadata-denial.ts';
import { NetworkShelf } from './network-shelf.ts';
import { prepareSandbox } from './prepare-sandbox.ts';
import { reattachSandbox } from './reattach-sandbox.ts';
import { findLeftovers, removeParts } from './remove-attempt.ts';
import { WarmShelf } from './warm-shelf.ts';

export interface DockerExecutorOptions {
  readonly docker: Docker;
  /** Label of everything this runner makes: stays the same over restarts. */
  readonly runner: string;
  readonly internalNetwork: boolean;
  /** Range that networks of jobs are cut from. Default `DEFAULT_JOB_SUBNETS`. */
  readonly subnets?: string;
  /** Whether jobs may reach the addresses of cloud metadata. Default `denied`. */
  readonly metadata?: 'denied' | 'open';
  /** Name servers of jobs. Default: those of the engine. */
  readonly nameServers?: readonly string[];
  /** Image with `sh` that holds the network for the steps of image builds. Default: they run in the engine's own. */
  readonly helperImage?: string;
  /** Default `auto`. */
  readonly builder?: ImageBuilder;
  /** Empty networks that are kept for later jobs. Default 4. */
  readonly keptNetworks?: number;
  /** Most containers that are started before their job comes. Default 0. */
  readonly warmContainers?: number;
}

export class DockerExecutor extends Executor {
  readonly #options: DockerExecutorOptions;
  readonly #networks: NetworkShelf;
  readonly #reach: JobReach;
  readonly #warm: WarmShelf;

  constructor(options: DockerExecutorOptions) {
    super();
    this.#options = options;
    const { keptNetworks: most = 4, subnets = DEFAULT_JOB_SUBNETS, warmContainers = 0 } = options;
    this.#networks = new NetworkShelf({ ...options, most, subnets });
    const { docker, runner, nameServers = [] } = options;
    this.#reach = { metadata: new MetadataDenial(options.metadata !== 'open'), nameServers };
    this.#warm = new WarmShelf({
      docker,
      runner,
      networks: this.#networks,
      ...this.#reach,
      most: warmContainers,
    });
  }

  prepare(plan: SandboxPlan, log: AttemptLog, signal: AbortSignal): Promise<Sandbox> {
    return prepareSandbox(
      plan,
      {
        docker: this.#options.docker,
        names: attemptNames(this.#options.runner, plan.attemptId, plan.epoch),
        networks: this.#networks,
        warm: this.#warm,
        ...this.#reach,
      },
      log,
      signal,
    );
  }

  async reattach(earlier: EarlierSandbox): Promise<Sandbox | undefined> {
    const { docker, runner } = this.#options;
    try {
      const names = attemptNames(runner, earlier.attemptId, earlier.epoch);
      return await reattachSandbox(earlier.path, { docker, names, networks: this.#networks, warm: this.#warm });
    } catch (error) {
      throw toTrouble(error, 'look for the containers of a job that was under way');
    }
  }

  async buildImage(
    plan: ImagePlan,
    log: AttemptLog,
    signal: AbortSignal,
  ): Promise<{ repository: string; digest: string }> {
    try {
      const { docker, runner, helperImage, builder = 'auto' } = this.#options;
      const parts = { docker, runner, helperImage, networks: this.#networks, ...this.#reach };
      return await inBuildNetwork(plan, parts, log, signal, (network) =>
        buildAndPush({ docker, builder, network }, plan, log, signal),
      );
    } catch (error) {
      throw toTrouble(error, 'build the image');
    }
  }

  async sweep(isActive: (attemptId: string) => boolean): Promise<number> {
    try {
      const { docker, runner } = this.#options;
      const isKnown = (name: string): boolean => this.#networks.isKnown(name) || this.#warm.isKnown(name);
      const find = () => findLeftovers(docker, runner, isActive, isKnown);
      await removeParts(await find());
      const { containers, networks, volumes } = await find();
      return containers.length + networks.length + volumes.length;
    } catch (error) {
      throw toTrouble(error, 'list and remove what earlier attempts left');
    }
  }

  async close(): Promise<void> {
    try {
      await this.#warm.close();
      await this.#networks.close();
    } catch (error) {
      throw toTrouble(error, 'remove the networks and containers kept for later jobs');
    }
  }
}
