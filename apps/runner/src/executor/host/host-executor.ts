import { readdir } from 'node:fs/promises';
import type { AttemptLog } from '../../log/attempt-log.ts';
import type { LeaseKey } from '../../server/runner-api.ts';
import { Executor, ExecutorTrouble } from '../executor.port.ts';
import type { EarlierSandbox, Sandbox, SandboxPlan } from '../executor.port.ts';
import { HostFolder } from './host-folder.ts';
import { endMarked } from './host-processes.ts';
import { HostSandbox } from './host-sandbox.ts';
import { unpackInto } from './host-tar.ts';

export interface HostExecutorOptions {
  /** Where attempts have their folders; of this runner alone, made with the first. */
  readonly root: string;
  /** Begins the marks of everything this runner starts: stays the same over restarts. */
  readonly runner: string;
  /** False: takes no job, and only removes what is left from a time when it did. */
  readonly enabled: boolean;
}

/** Steps as processes of the machine, with the rights of the runner's own user. What they start is found by its mark, also after a restart. */
export class HostExecutor extends Executor {
  readonly #options: HostExecutorOptions;

  constructor(options: HostExecutorOptions) {
    super();
    this.#options = options;
  }

  async prepare(plan: SandboxPlan, _log: AttemptLog, signal: AbortSignal): Promise<Sandbox> {
    if (!this.#options.enabled)
      throw new ExecutorTrouble(
        'host',
        'This runner takes no job without a container: start it with SLUICE_RUNNER_HOST_EXECUTOR=true, or name an `image`.',
      );
    const sandbox = this.#sandbox(plan);
    const folder = HostFolder.at(this.#options.root, plan);
    try {
      await folder.make();
      const source = await plan.source;
      signal.throwIfAborted();
      await unpackInto(folder.workspace, await source.tar(), signal);
      return sandbox;
    } catch (error) {
      await sandbox.destroy();
      throw error instanceof Error && 'syscall' in error
        ? new ExecutorTrouble('host', `The workspace could not be made: ${error.message}`, { cause: error })
        : error;
    }
  }

  async reattach(earlier: EarlierSandbox): Promise<Sandbox | undefined> {
    const folder = HostFolder.at(this.#options.root, earlier);
    return this.#options.enabled && (await folder.isOfThisBoot()) ? this.#sandbox(earlier) : undefined;
  }

  async buildImage(): Promise<never> {
    throw new ExecutorTrouble('host', 'An image is built by a container engine, never on the host.');
  }

  async sweep(isActive: (attemptId: string) => boolean): Promise<number> {
    const { root, runner } = this.#options;
    const isLeft = (mark: string) => {
      const [whose, attemptId = ''] = mark.split('/');
      return whose === runner && !isActive(attemptId);
    };
    const left = await endMarked(isLeft);
    for (const name of await readdir(root).catch(() => [])) {
      const [, attemptId = name, epoch = ''] = /^(.*)-(\d+)$/.exec(name) ?? [];
      if (!isActive(attemptId)) await HostFolder.at(root, { attemptId, epoch: Number(epoch) }).remove();
    }
    return left;
  }

  async close(): Promise<void> {}

  #sandbox({ attemptId, epoch, path }: LeaseKey & { readonly path: string }): HostSandbox {
    const { root, runner } = this.#options;
    const mark = `${runner}/${attemptId}/${epoch}`;
    const folder = HostFolder.at(root, { attemptId, epoch });
    return new HostSandbox({ folder, mark, path }, async () => {
      const left = await endMarked((one) => one === mark);
      if (left > 0) throw new ExecutorTrouble('host', `${left} processes of the job do not end.`);
      await folder.remove();
    });
  }
}
