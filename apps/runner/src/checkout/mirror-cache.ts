import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { KeyedLock, checkRepositoryUrl, fullRefName, git, gitEnvironment } from '@sluice/git';
import type { GitCall } from '@sluice/git';
import type { LeaseGrant } from '@sluice/protocol';
import { ExecutorTrouble, JobRefused } from '../executor/executor.port.ts';
import { Mirror } from './mirror.ts';

export interface MirrorSettings {
  /** The mirrors and git's own HOME lie below. */
  readonly folder: string;
  readonly httpOrigins: readonly string[];
  readonly maxMiB: number;
}

/** A commit that is there and belongs to the ref that was asked for. */
export interface CheckedOutCommit extends GitCall {
  readonly commit: string;
  /** To be called when git could not read it. */
  readonly doubt: () => void;
}

type Source = LeaseGrant['source'];

/** One bare mirror for each address, shared by all jobs of the runner; a commit that is there already costs no network. */
export class MirrorCache {
  readonly #settings: MirrorSettings;
  readonly #locks = new KeyedLock();
  readonly #mirrors = new Map<string, Mirror>();

  constructor(settings: MirrorSettings) {
    this.#settings = settings;
  }

  /**
   * Throws `ExecutorTrouble('checkout')` when the repository, the ref or the commit cannot be had (A18-A26). `tell` hears of each
   * repair of the mirror, in a line.
   */
  async provide(
    source: Source,
    signal: AbortSignal,
    tell: (line: string) => void = () => undefined,
  ): Promise<CheckedOutCommit> {
    const { folder, httpOrigins, maxMiB } = this.#settings;
    const checked = checkRepositoryUrl(source.url, httpOrigins);
    if (!checked.ok) throw new ExecutorTrouble('checkout', checked.problem);
    const refName = fullRefName(source.ref);
    if (refName === undefined) throw new ExecutorTrouble('checkout', 'The name of the ref is none that git accepts.');
    if (!/^[0-9a-f]{40}([0-9a-f]{24})?$/.test(source.commit))
      throw new ExecutorTrouble('checkout', 'The commit is no full commit id.');

    const home = join(folder, 'home');
    const access = { transport: checked.transport, origin: checked.url.origin, credential: source.credential };
    // What is no mirror any more must not make git take a repository around it for one.
    const env = { ...gitEnvironment(home, access), GIT_CEILING_DIRECTORIES: folder };
    const call: GitCall = { cwd: join(folder, `${hash(source.url)}.git`), env, signal };
    const mirror = this.#mirrors.get(call.cwd) ?? new Mirror({ home, maxMiB });
    this.#mirrors.set(call.cwd, mirror);
    await this.#locks.hold(call.cwd, async () => {
      signal.throwIfAborted();
      const { url, commit } = source;
      await mirror.bring({ url, refName, kept: `refs/sluice/${hash(refName)}`, commit }, call, tell);
    });
    return { ...call, commit: source.commit, doubt: () => mirror.doubt() };
  }
}

/** Throws `JobRefused` when the commit has no such folder. An empty path is the top. */
export async function requireFolder(checkout: CheckedOutCommit, path: string): Promise<void> {
  if (path === '') return;
  const { stdout } = await git(['cat-file', '-t', `${checkout.commit}:${path}`], checkout);
  if (stdout.trim() !== 'tree') throw new JobRefused('no-such-folder', `The commit has no folder "${path}".`);
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 40);
}
