import type { AttemptLog } from '../log/attempt-log.ts';
import { Executor } from './executor.port.ts';
import type { EarlierSandbox, ImagePlan, Sandbox, SandboxPlan } from './executor.port.ts';

/** Jobs with an image go to the one, those without to the other. Both keep their own clean. */
export class ContainerOrHost extends Executor {
  readonly #containers: Executor;
  readonly #host: Executor;

  constructor(containers: Executor, host: Executor) {
    super();
    this.#containers = containers;
    this.#host = host;
  }

  prepare(plan: SandboxPlan, log: AttemptLog, signal: AbortSignal): Promise<Sandbox> {
    return (plan.work.image === undefined ? this.#host : this.#containers).prepare(plan, log, signal);
  }

  async reattach(earlier: EarlierSandbox): Promise<Sandbox | undefined> {
    return (await this.#host.reattach(earlier)) ?? (await this.#containers.reattach(earlier));
  }

  buildImage(
    plan: ImagePlan,
    log: AttemptLog,
    signal: AbortSignal,
  ): Promise<{ readonly repository: string; readonly digest: string }> {
    return this.#containers.buildImage(plan, log, signal);
  }

  /** The host first: an engine that does not answer must not keep its processes alive. */
  async sweep(isActive: (attemptId: string) => boolean): Promise<number> {
    const left = await this.#host.sweep(isActive);
    return left + (await this.#containers.sweep(isActive));
  }

  async close(): Promise<void> {
    await Promise.all([this.#host.close(), this.#containers.close()]);
  }
}
