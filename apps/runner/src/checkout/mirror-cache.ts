import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { KeyedLock, checkRepositoryUrl, fullRefName, git, gitEnvironment } from '@sluice/git';
import type { GitCall } from '@sluice/git';
import type { LeaseGrant } from '@sluice/protocol';
import { ExecutorTrouble, JobRefused } from '../executor/executor.port.ts';

export interface MirrorSettings {
  /** The mirrors and git's own HOME lie below. */
  readonly folder: string;
  readonly httpOrigins: readonly string[];
  readonly maxMiB: number;
}

/** A commit that is there and belongs to the ref that was asked for. */
export interface CheckedOutCommit extends GitCall {
  readonly commit: string;
}

type Source = LeaseGrant['source'];

const GC_EVERY_FETCHES = 50;
const SIZE_CHECK_MS = 1000;

/** One bare mirror for each address, shared by all jobs of the runner; a commit that is there already costs no network. */
export class MirrorCache {
  readonly #settings: MirrorSettings;
  readonly #locks = new KeyedLock();
  readonly #fetches = new Map<string, number>();
  /** For each kept ref the commits found on it since the last fetch: the jobs of a run all ask for the same one. */
  readonly #found = new Map<string, Set<string>>();

  constructor(settings: MirrorSettings) {
    this.#settings = settings;
  }

  /** Throws `ExecutorTrouble('checkout')` when the repository, the ref or the commit cannot be had (A18-A26). */
  async provide(source: Source, signal: AbortSignal): Promise<CheckedOutCommit> {
    const checked = checkRepositoryUrl(source.url, this.#settings.httpOrigins);
    if (!checked.ok) throw new ExecutorTrouble('checkout', checked.problem);
    const refName = fullRefName(source.ref);
    if (refName === undefined) throw new ExecutorTrouble('checkout', 'The name of the ref is none that git accepts.');
    if (!/^[0-9a-f]{40}([0-9a-f]{24})?$/.test(source.commit))
      throw new ExecutorTrouble('checkout', 'The commit is no full commit id.');

    const home = join(this.#settings.folder, 'home');
    const mirror = join(this.#settings.folder, `${hash(source.url)}.git`);
    const env = gitEnvironment(home, {
      transport: checked.transport,
      origin: checked.url.origin,
      credential: source.credential,
    });
    const call: GitCall = { cwd: mirror, env, signal };
    // A name of our own for each ref: a branch `a` that became `a/b` would be in its own way.
    const kept = `refs/sluice/${hash(refName)}`;

    await this.#locks.hold(mirror, async () => {
      signal.throwIfAborted();
      if (!existsSync(join(mirror, 'HEAD'))) {
        this.#found.delete(`${mirror} ${kept}`);
        await makeMirror(mirror, home, env, signal);
      }
      if (await this.#contains(call, kept, source.commit)) return;
      await this.#fetch(call, source.url, [`+${refName}:${kept}`]);
      this.#found.delete(`${mirror} ${kept}`);
      if (await this.#contains(call, kept, source.commit)) return;
      // A merge request's ref moves when it is pushed again; a branch that no longer holds the commit is another matter (A18).
      if (!refName.startsWith('refs/heads/')) {
        await this.#fetch(call, source.url, [source.commit]);
        if ((await git(['cat-file', '-e', `${source.commit}^{commit}`], call)).exitCode === 0) return;
      }
      throw new ExecutorTrouble(
        'checkout',
        `Commit ${source.commit.slice(0, 12)} is not reachable from ${refName}: it was never pushed there, or the branch was rewritten.`,
      );
    });
    return { ...call, commit: source.commit };
  }

  async #contains(call: GitCall, ref: string, commit: string): Promise<boolean> {
    const key = `${call.cwd} ${ref}`;
    const found = this.#found.get(key) ?? new Set();
    if (found.has(commit)) return true;
    const isThere = (await git(['merge-base', '--is-ancestor', commit, ref], call)).exitCode === 0;
    if (isThere) this.#found.set(key, found.add(commit));
    return isThere;
  }

  async #fetch(call: GitCall, url: string, refspecs: readonly string[]): Promise<void> {
    const tooLarge = new AbortController();
    const signal = AbortSignal.any([call.signal, tooLarge.signal]);
    const isTooLarge = async () => (await sizeMiB(call.cwd)) > this.#settings.maxMiB;
    const guard = setInterval(() => {
      void isTooLarge().then((large) => large && tooLarge.abort());
    }, SIZE_CHECK_MS);
    try {
      const count = (this.#fetches.get(call.cwd) ?? 0) + 1;
      this.#fetches.set(call.cwd, count);
      // One pack for each fetch: its growing size can be watched.
      const fetched = await git(
        [
          '-c',
          'fetch.unpackLimit=1',
          'fetch',
          '--quiet',
          '--no-tags',
          '--no-write-fetch-head',
          '--no-recurse-submodules',
          '--',
          url,
          ...refspecs,
        ],
        { ...call, signal },
      );
      if (await isTooLarge()) tooLarge.abort();
      signal.throwIfAborted();
      if (fetched.exitCode !== 0)
        throw new ExecutorTrouble('checkout', `The repository could not be fetched: ${lastLines(fetched.stderr)}`);
      if (count % GC_EVERY_FETCHES === 0) await git(['gc', '--auto', '--quiet'], call);
    } catch (error) {
      if (!tooLarge.signal.aborted || call.signal.aborted) throw error;
      await rm(call.cwd, { recursive: true, force: true });
      throw new ExecutorTrouble(
        'checkout',
        `The repository is larger than ${this.#settings.maxMiB} MiB (SLUICE_RUNNER_MAX_REPOSITORY_MIB).`,
      );
    } finally {
      clearInterval(guard);
    }
  }
}

/** Throws `JobRefused` when the commit has no such folder. An empty path is the top. */
export async function requireFolder(checkout: CheckedOutCommit, path: string): Promise<void> {
  if (path === '') return;
  const { stdout } = await git(['cat-file', '-t', `${checkout.commit}:${path}`], checkout);
  if (stdout.trim() !== 'tree') throw new JobRefused('no-such-folder', `The commit has no folder "${path}".`);
}

async function makeMirror(
  mirror: string,
  home: string,
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<void> {
  mkdirSync(join(home, 'ssh'), { recursive: true, mode: 0o700 });
  const made = await git(['init', '--quiet', '--bare', '--template=', '--', mirror], { cwd: home, env, signal });
  if (made.exitCode !== 0)
    throw new ExecutorTrouble('checkout', `A mirror could not be made: ${lastLines(made.stderr)}`);
  mkdirSync(join(mirror, 'info'), { recursive: true });
  // A checkout knows no export rules, so the tree that a job sees must not either.
  writeFileSync(join(mirror, 'info', 'attributes'), '* -export-ignore -export-subst\n');
}

async function sizeMiB(mirror: string): Promise<number> {
  const pack = join(mirror, 'objects', 'pack');
  const names = await readdir(pack).catch(() => []);
  const sizes = await Promise.all(
    names.map((name) =>
      stat(join(pack, name)).then(
        (file) => file.size,
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0) / (1024 * 1024);
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 40);
}

/** git's own words; addresses in them hold no credential, since those with one are refused. */
function lastLines(text: string): string {
  const lines = text.trim().split('\n').slice(-3).join(' ').trim();
  return lines === '' ? 'git gave no reason' : lines;
}
