import { PassThrough, Readable } from 'node:stream';
import { matchesPattern } from '@sluice/pipeline-spec';
import { extract } from 'tar-stream';
import type { AttemptLog } from '../../log/attempt-log.ts';
import { Executor, ExecutorTrouble, JobRefused, OUTPUT_FILE, Sandbox } from '../executor.port.ts';
import type {
  ImagePlan,
  SandboxFile,
  SandboxPlan,
  Shell,
  ShellPlan,
  StepCommand,
  StepExit,
  WorkspaceEntry,
} from '../executor.port.ts';

/**
 * Runs no container: each line of a step's text is a command of its own small language, so a test steers everything from the job.
 * `print <text>`, `warn <text>` (stderr), `env <NAME>`, `repeat <count> <text>`, `file <path> <text>`, `show <path>`, `output <name>=<value>`, `exit <code>`, `hang`
 * (until stopped), `await-go` (until `go`), `trap` (until the grace is over), `oom`, `engine-down`. The image `trouble` fails to start, `unhealthy`
 * has a service that never answers; `stuck` cannot be removed.
 */
export class ScriptedExecutor extends Executor {
  /** Attempts that have something in the pretended engine. */
  readonly present = new Set<string>();
  /** Attempts whose removal fails until they are taken from here. */
  readonly stuck = new Set<string>();
  readonly swept: string[] = [];
  readonly #gone = Promise.withResolvers<void>();
  /** Lets every step that says `await-go` go on. */
  readonly go = (): void => this.#gone.resolve();
  /** How often a sweep was made. */
  sweeps = 0;

  async prepare({ attemptId, work, source }: SandboxPlan, _log: AttemptLog, signal: AbortSignal): Promise<Sandbox> {
    await source;
    signal.throwIfAborted();
    if (work.image === 'trouble') throw new ExecutorTrouble('engine', 'The pretended engine is down.');
    if (work.image === 'unhealthy') throw new JobRefused('service-unhealthy', 'The service "app" did not answer.');
    this.present.add(attemptId);
    if (work.image === 'stuck') this.stuck.add(attemptId);
    return new ScriptedSandbox(() => this.#remove(attemptId), this.#gone.promise);
  }

  /** A pretended engine dies with its process. */
  async reattach(): Promise<undefined> {
    return undefined;
  }

  async buildImage({ work }: ImagePlan, log: AttemptLog): Promise<{ repository: string; digest: string }> {
    if (work.dockerfile === 'Broken') throw new JobRefused('image-build', 'The command returned a non-zero code: 7', 7);
    await log.write('stdout', Buffer.from('pretended build\n'));
    return { repository: work.repository, digest: `sha256:${'a'.repeat(64)}` };
  }

  async close(): Promise<void> {}

  async sweep(isActive: (attemptId: string) => boolean): Promise<number> {
    this.sweeps++;
    for (const attemptId of this.present) {
      if (isActive(attemptId) || this.stuck.has(attemptId)) continue;
      this.present.delete(attemptId);
      this.swept.push(attemptId);
    }
    return [...this.present].filter((attemptId) => !isActive(attemptId)).length;
  }

  #remove(attemptId: string): void {
    if (this.stuck.has(attemptId)) throw new ExecutorTrouble('engine', 'The pretended container does not die.');
    this.present.delete(attemptId);
  }
}

class ScriptedSandbox extends Sandbox {
  readonly outputFile = `/pretended/${OUTPUT_FILE}`;
  readonly #files = new Map<string, string>();
  readonly #remove: () => void;
  readonly #gone: Promise<void>;

  constructor(remove: () => void, gone: Promise<void>) {
    super();
    this.#remove = remove;
    this.#gone = gone;
  }

  async run({ run, env }: StepCommand, log: AttemptLog, signal: AbortSignal, graceMs: () => number): Promise<StepExit> {
    for (const line of run.split('\n')) {
      if (signal.aborted) return { kind: 'stopped' };
      const [command = '', first = '', ...rest] = line.trim().split(' ');
      const text = [first, ...rest].join(' ');
      switch (command) {
        case 'print':
          await log.write('stdout', Buffer.from(`${text}\n`));
          break;
        case 'warn':
          await log.write('stderr', Buffer.from(`${text}\n`));
          break;
        case 'env':
          await log.write('stdout', Buffer.from(`${first}=${env[first] ?? ''}\n`));
          break;
        case 'repeat': {
          const one = Buffer.from(`${rest.join(' ')}\n`);
          for (let count = Number(first); count > 0; count--) await log.write('stdout', one);
          break;
        }
        case 'file':
          this.#files.set(first, rest.join(' '));
          break;
        case 'show':
          await log.write('stdout', Buffer.from(`${first}: ${this.#files.get(first) ?? 'none'}\n`));
          break;
        case 'output':
          this.#files.set(OUTPUT_FILE, `${this.#files.get(OUTPUT_FILE) ?? ''}${text}\n`);
          break;
        case 'exit':
          return { kind: 'exited', exitCode: Number(first) };
        case 'oom':
          return { kind: 'oom', exitCode: 137 };
        case 'engine-down':
          throw new ExecutorTrouble('engine', 'The pretended engine went away.');
        case 'hang':
          await untilAborted(signal);
          await log.write('stdout', Buffer.from('got SIGTERM\n'));
          return { kind: 'stopped' };
        case 'await-go':
          await this.#gone;
          break;
        case 'trap':
          await untilAborted(signal);
          await new Promise((resolve) => setTimeout(resolve, graceMs()));
          return { kind: 'stopped' };
        default:
          return { kind: 'exited', exitCode: 127 };
      }
    }
    return { kind: 'exited', exitCode: 0 };
  }

  async *readFiles(
    globs: readonly string[],
    { maxFiles, maxBytes }: { maxFiles: number; maxBytes: number },
  ): AsyncGenerator<SandboxFile> {
    const found = [...this.#files]
      .filter(([path]) => globs.some((glob) => matchesPattern(glob, path)))
      .slice(0, maxFiles);
    for (const [path, text] of found) yield { path, text: text.length > maxBytes ? undefined : text };
  }

  async *readEntries(paths: readonly string[]): AsyncGenerator<WorkspaceEntry> {
    for (const [name, text] of this.#files) {
      if (!paths.some((path) => matchesPattern(path, name) || name.startsWith(`${path}/`))) continue;
      const bytes = Buffer.from(text);
      yield { header: { name, type: 'file', size: bytes.length }, content: Readable.from([bytes]) };
    }
  }

  async writeFiles(tar: Readable): Promise<void> {
    const entries = extract();
    tar.once('error', (error) => entries.destroy(error));
    tar.pipe(entries as unknown as NodeJS.WritableStream);
    for await (const entry of entries) {
      const parts: Uint8Array[] = [];
      for await (const chunk of entry) parts.push(chunk as Uint8Array);
      this.#files.set(entry.header.name, Buffer.concat(parts).toString());
    }
  }

  /** Says what is typed into it, and ends with `exit`. */
  async shell({ columns, rows }: ShellPlan): Promise<Shell> {
    const output = new PassThrough();
    output.write(`${columns}x${rows}$ `);
    return {
      output,
      write: async (text) => {
        if (text.startsWith('exit')) output.end();
        else output.write(text);
      },
      resize: async (wide, high) => void output.write(`${wide}x${high}$ `),
      end: async () => void output.end(),
    };
  }

  async destroy(): Promise<void> {
    this.#remove();
  }
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
