import type { Readable } from 'node:stream';
import type { LeaseGrant } from '@sluice/protocol';
import type { AttemptLog } from '../log/attempt-log.ts';

export type StepsWork = Extract<LeaseGrant['work'], { kind: 'steps' }>;
export type ImageWork = Extract<LeaseGrant['work'], { kind: 'image' }>;
export type RegistryCredential = LeaseGrant['registries'][number];

/** Our own trouble, never the user's: the attempt ends as `errored` with this reason. */
export class ExecutorTrouble extends Error {
  override readonly name = 'ExecutorTrouble';
  readonly code: TroubleCode;
  constructor(code: TroubleCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
export type TroubleCode = 'engine' | 'registry' | 'checkout' | 'storage' | 'host' | 'runner-restarted';

/** The user's own definition says no (a service container that never gets healthy): the attempt ends as `failed`. */
export class JobRefused extends Error {
  override readonly name = 'JobRefused';
  readonly code:
    | 'service-unhealthy'
    | 'image-without-shell'
    | 'image-build'
    | 'step-too-long'
    | 'no-such-folder'
    | 'artifact-missing'
    | 'artifact-refused';
  readonly exitCode: number | undefined;
  constructor(code: JobRefused['code'], message: string, exitCode?: number) {
    super(message);
    this.code = code;
    this.exitCode = exitCode;
  }
}

/** The tree of the commit as a tar stream; asked for once. */
export interface SourceTree {
  readonly tar: () => Promise<Readable>;
}

export interface SandboxPlan {
  readonly attemptId: string;
  /** Of the lease: a second grant of the same attempt never meets the first one's containers. */
  readonly epoch: number;
  readonly work: StepsWork;
  readonly registries: readonly RegistryCredential[];
  /** Folder of the service below the workspace; the steps run there. */
  readonly path: string;
  /** The checkout, under way: containers are made meanwhile. */
  readonly source: Promise<SourceTree>;
}

export interface ImagePlan {
  readonly attemptId: string;
  readonly work: ImageWork;
  readonly registries: readonly RegistryCredential[];
  readonly commit: string;
  /** Address of the repository, for the label. */
  readonly sourceUrl: string;
  /** Who may share what steps of a build keep in the engine for later builds: the same service on runs of the same trust. */
  readonly cacheScope: string;
  /** The build context as a tar stream, anew with each call. */
  readonly context: () => Promise<Readable>;
}

export interface StepCommand {
  /** Its place in the job. */
  readonly index: number;
  readonly run: string;
  readonly env: Readonly<Record<string, string>>;
}

export type StepExit =
  | { readonly kind: 'exited'; readonly exitCode: number }
  /** The engine ended it because the job used up its memory. */
  | { readonly kind: 'oom'; readonly exitCode: number }
  /** The signal came first; its processes are gone or go with the sandbox. */
  | { readonly kind: 'stopped' };

/** Names what an earlier process of this runner prepared. */
export type EarlierSandbox = Pick<SandboxPlan, 'attemptId' | 'epoch' | 'path'>;

/**
 * What can run jobs. Order of calls for one attempt: `prepare`, then `run` on the sandbox for each step, one at a time, then
 * `readFiles`, then `destroy`, exactly once and also after a failed `run`. A `prepare` that throws has removed what it made.
 * Sandboxes of different attempts are used at the same time. `ExecutorTrouble` is ours, `JobRefused` the user's.
 */
export abstract class Executor {
  abstract prepare(plan: SandboxPlan, log: AttemptLog, signal: AbortSignal): Promise<Sandbox>;
  /**
   * The sandbox that an earlier process left, instead of `prepare` and before the first `sweep`. Undefined: nothing is there that
   * still runs, and what is left of it goes with the sweep.
   */
  abstract reattach(earlier: EarlierSandbox): Promise<Sandbox | undefined>;
  /** Builds, pushes, and returns the digest that the registry answered. */
  abstract buildImage(
    plan: ImagePlan,
    log: AttemptLog,
    signal: AbortSignal,
  ): Promise<{ readonly repository: string; readonly digest: string }>;
  /**
   * Removes what belongs to attempts that are not active and returns how many things are still there. `isActive` is asked after the
   * look at the engine, so an attempt that begins meanwhile is safe.
   */
  abstract sweep(isActive: (attemptId: string) => boolean): Promise<number>;
  /** Removes what is kept for later attempts. After the last `destroy`; nothing is prepared afterwards. */
  abstract close(): Promise<void>;
}

export abstract class Sandbox {
  /** File of outputs as the steps name it, absolute; `readFiles` finds it as {@link OUTPUT_FILE}. */
  abstract readonly outputFile: string;
  /**
   * Ends when the command does, or, once the signal comes, when its processes are gone or `graceMs` have passed. A step that an earlier
   * process began is never begun again: its output comes from the first byte on, then its end, also if that is long past. `ExecutorTrouble`
   * `runner-restarted` when neither can be told.
   */
  abstract run(step: StepCommand, log: AttemptLog, signal: AbortSignal, graceMs: () => number): Promise<StepExit>;
  /** Files that match the globs, below the service's folder; larger ones than `maxBytes` come without content. */
  abstract readFiles(
    globs: readonly string[],
    limits: { readonly maxFiles: number; readonly maxBytes: number },
  ): AsyncIterable<SandboxFile>;
  /**
   * Whatever matches, of any kind, below the service's folder; a path without a wildcard also means everything below it. The content of an
   * entry is read before the next one is asked for, or not at all.
   */
  abstract readEntries(paths: readonly string[]): AsyncIterable<WorkspaceEntry>;
  /** Puts the files of a tar stream below the service's folder, over what is there. Nobody but us says what the tar holds. */
  abstract writeFiles(tar: Readable): Promise<void>;
  /** An interactive shell beside what else runs there, after the last step. `ExecutorTrouble` when there can be none. */
  abstract shell(plan: ShellPlan): Promise<Shell>;
  /** Removes everything of the attempt. Throws `ExecutorTrouble` when something stays. */
  abstract destroy(): Promise<void>;
}

export interface ShellPlan {
  readonly id: string;
  readonly env: Readonly<Record<string, string>>;
  readonly columns: number;
  readonly rows: number;
}

export interface Shell {
  /** Ends when the shell does. What is not read holds the shell up. */
  readonly output: AsyncIterable<Uint8Array>;
  /** Resolves when the terminal has taken it. */
  write(text: string): Promise<void>;
  resize(columns: number, rows: number): Promise<void>;
  /** Ends the shell, and by its terminal what it began in the foreground. Never throws. */
  end(): Promise<void>;
}

/** Below the service's folder, where the steps begin: there is a volume in every executor, and it is read like a report. */
export const OUTPUT_FILE = '.sluice-output';

export interface WorkspaceEntry {
  /** Names, that of a hard link's file included, are below the service's folder. */
  readonly header: EntryHeader;
  readonly content: AsyncIterable<unknown>;
}

/** Of an entry of a tar. */
export interface EntryHeader {
  readonly name: string;
  /** `file`, `directory`, `symlink`, `link` (hard) or something that is no part of archives of ours. */
  readonly type: string | null;
  readonly size?: number;
  readonly mode?: number;
  readonly mtime?: Date;
  readonly linkname?: string;
}

export interface SandboxFile {
  /** Below the service's folder. */
  readonly path: string;
  /** Undefined: larger than asked for. */
  readonly text: string | undefined;
}
