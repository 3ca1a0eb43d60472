import { posix } from 'node:path';
import type Docker from 'dockerode';
import type { AttemptLog } from '../../log/attempt-log.ts';
import { OUTPUT_FILE, Sandbox } from '../executor.port.ts';
import type { SandboxFile, StepCommand, StepExit } from '../executor.port.ts';
import type { ReadLimits } from './read-workspace.ts';
import { readMatching } from './read-workspace.ts';
import type { AttemptParts } from './remove-attempt.ts';
import { removeParts } from './remove-attempt.ts';
import { runInContainer } from './run-in-container.ts';

/** One job's container with its network, volume and service containers. */
export class DockerSandbox extends Sandbox {
  readonly outputFile: string;
  readonly #job: Docker.Container;
  readonly #workingDir: string;
  readonly #parts: AttemptParts;

  constructor(job: Docker.Container, workingDir: string, parts: AttemptParts) {
    super();
    this.#job = job;
    this.#workingDir = workingDir;
    this.outputFile = posix.join(workingDir, OUTPUT_FILE);
    this.#parts = parts;
  }

  run(step: StepCommand, log: AttemptLog, signal: AbortSignal, graceMs: () => number): Promise<StepExit> {
    return runInContainer(this.#job, { ...step, workingDir: this.#workingDir }, log, signal, graceMs);
  }

  readFiles(globs: readonly string[], limits: ReadLimits): AsyncIterable<SandboxFile> {
    return readMatching(this.#job, this.#workingDir, globs, limits);
  }

  destroy(): Promise<void> {
    return removeParts(this.#parts);
  }
}
