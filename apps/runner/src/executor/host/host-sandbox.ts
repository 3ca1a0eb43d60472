import { lstat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import type { AttemptLog } from '../../log/attempt-log.ts';
import { ExecutorTrouble, OUTPUT_FILE, Sandbox } from '../executor.port.ts';
import type { SandboxFile, Shell, StepCommand, StepExit, WorkspaceEntry } from '../executor.port.ts';
import type { ReadLimits } from '../read-workspace.ts';
import { isKept, readEntries, readMatching } from '../read-workspace.ts';
import type { HostFolder } from './host-folder.ts';
import { HOST_PATH } from './host-folder.ts';
import { packFrom, unpackInto } from './host-tar.ts';
import { runOnHost } from './run-on-host.ts';

/** A job's folder on the host and the processes that carry its mark. */
export class HostSandbox extends Sandbox {
  readonly outputFile: string;
  readonly #folder: HostFolder;
  readonly #mark: string;
  readonly #workingDir: string;
  readonly #remove: () => Promise<void>;

  constructor(
    { folder, mark, path }: { readonly folder: HostFolder; readonly mark: string; readonly path: string },
    remove: () => Promise<void>,
  ) {
    super();
    this.#folder = folder;
    this.#mark = mark;
    this.#workingDir = join(folder.workspace, path);
    this.outputFile = join(this.#workingDir, OUTPUT_FILE);
    this.#remove = remove;
  }

  run(step: StepCommand, log: AttemptLog, signal: AbortSignal, graceMs: () => number): Promise<StepExit> {
    const env = { PATH: HOST_PATH, HOME: this.#folder.home, TMPDIR: this.#folder.tmp, ...step.env };
    const at = this.#folder.step(step.index);
    return runOnHost({ ...step, env, at, workingDir: this.#workingDir, mark: this.#mark }, log, signal, graceMs);
  }

  readFiles(globs: readonly string[], limits: ReadLimits): AsyncIterable<SandboxFile> {
    return readMatching(this.#archive, globs, limits);
  }

  readEntries(paths: readonly string[]): AsyncIterable<WorkspaceEntry> {
    return readEntries(this.#archive, paths, isKept);
  }

  writeFiles(tar: Readable): Promise<void> {
    return unpackInto(this.#workingDir, tar);
  }

  async shell(): Promise<Shell> {
    throw new ExecutorTrouble(
      'host',
      'The job ran on the machine of a runner itself: there is no container to open a shell in.',
    );
  }

  destroy(): Promise<void> {
    return this.#remove();
  }

  readonly #archive = async (below: string): Promise<Readable | undefined> => {
    const path = join(this.#workingDir, below);
    const found = await lstat(path).catch(() => undefined);
    return found && packFrom(dirname(path), basename(path));
  };
}
