import { posix } from 'node:path';
import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import type { AttemptLog } from '../../log/attempt-log.ts';
import { OUTPUT_FILE, Sandbox } from '../executor.port.ts';
import type { SandboxFile, Shell, ShellPlan, StepCommand, StepExit, WorkspaceEntry } from '../executor.port.ts';
import type { ReadLimits } from '../read-workspace.ts';
import { isKept, readEntries, readMatching } from '../read-workspace.ts';
import { WORKSPACE } from './docker-names.ts';
import { engineStatus, toTrouble } from './engine-trouble.ts';
import { openShell } from './open-shell.ts';
import { runInContainer } from './run-in-container.ts';

/** One job's container with its network, volume and service containers. */
export class DockerSandbox extends Sandbox {
  readonly outputFile: string;
  readonly #job: Docker.Container;
  readonly #base: string;
  readonly #workingDir: string;
  readonly #remove: () => Promise<void>;

  constructor(
    { job, base, path }: { readonly job: Docker.Container; readonly base: string; readonly path: string },
    remove: () => Promise<void>,
  ) {
    super();
    const workingDir = posix.join(WORKSPACE, path);
    this.#job = job;
    this.#base = base;
    this.#workingDir = workingDir;
    this.outputFile = posix.join(workingDir, OUTPUT_FILE);
    this.#remove = remove;
  }

  run(step: StepCommand, log: AttemptLog, signal: AbortSignal, graceMs: () => number): Promise<StepExit> {
    const command = { ...step, workingDir: this.#workingDir, at: `/.${this.#base}-${step.index}` };
    return runInContainer(this.#job, command, log, signal, graceMs);
  }

  readFiles(globs: readonly string[], limits: ReadLimits): AsyncIterable<SandboxFile> {
    return readMatching(this.#archive, globs, limits);
  }

  readEntries(paths: readonly string[]): AsyncIterable<WorkspaceEntry> {
    return readEntries(this.#archive, paths, isKept);
  }

  async writeFiles(tar: Readable): Promise<void> {
    try {
      await this.#job.putArchive(tar, { path: this.#workingDir });
    } catch (error) {
      throw toTrouble(error, 'put files into the workspace');
    }
  }

  shell(plan: ShellPlan): Promise<Shell> {
    const at = `/.${this.#base}-shell-${plan.id}`;
    return openShell(this.#job, { ...plan, workingDir: this.#workingDir, at });
  }

  destroy(): Promise<void> {
    return this.#remove();
  }

  /** The engine's archive call, so that a remote engine works too. */
  readonly #archive = async (path: string): Promise<Readable | undefined> => {
    try {
      return (await this.#job.getArchive({ path: posix.join(this.#workingDir, path) })) as Readable;
    } catch (error) {
      if (engineStatus(error) === 404) return undefined;
      throw toTrouble(error, 'read the workspace');
    }
  };
}
