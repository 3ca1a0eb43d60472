import type Docker from 'dockerode';
import type { AttemptLog } from '../../log/attempt-log.ts';
import { Executor } from '../executor.port.ts';
import type { ImagePlan, Sandbox, SandboxPlan } from '../executor.port.ts';
import { buildAndPush } from './build-image.ts';
import { attemptNames } from './docker-names.ts';
import { toTrouble } from './engine-trouble.ts';
import { prepareSandbox } from './prepare-sandbox.ts';
import { findLeftovers, removeParts } from './remove-attempt.ts';

export interface DockerExecutorOptions {
  readonly docker: Docker;
  /** Label of everything this runner makes: stays the same over restarts. */
  readonly runner: string;
  readonly internalNetwork: boolean;
}

export class DockerExecutor extends Executor {
  readonly #options: DockerExecutorOptions;

  constructor(options: DockerExecutorOptions) {
    super();
    this.#options = options;
  }

  prepare(plan: SandboxPlan, log: AttemptLog, signal: AbortSignal): Promise<Sandbox> {
    return prepareSandbox(
      plan,
      { ...this.#options, names: attemptNames(this.#options.runner, plan.attemptId, plan.epoch) },
      log,
      signal,
    );
  }

  async buildImage(
    plan: ImagePlan,
    log: AttemptLog,
    signal: AbortSignal,
  ): Promise<{ repository: string; digest: string }> {
    try {
      return await buildAndPush(this.#options.docker, plan, log, signal);
    } catch (error) {
      throw toTrouble(error, 'build the image');
    }
  }

  async sweep(isActive: (attemptId: string) => boolean): Promise<number> {
    try {
      await removeParts(await findLeftovers(this.#options.docker, this.#options.runner, isActive));
      const { containers, networks, volumes } = await findLeftovers(
        this.#options.docker,
        this.#options.runner,
        isActive,
      );
      return containers.length + networks.length + volumes.length;
    } catch (error) {
      throw toTrouble(error, 'list and remove what earlier attempts left');
    }
  }
}
