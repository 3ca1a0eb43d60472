import { existsSync } from 'node:fs';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { git } from '@sluice/git';
import type { GitCall } from '@sluice/git';
import { ExecutorTrouble } from '../executor/executor.port.ts';
import { isWhole, makeMirror, removeSetAside } from './make-mirror.ts';
import { complains, isBroken, lastLines, removeLeftovers } from './mend-mirror.ts';

const GC_EVERY_FETCHES = 50;
const SIZE_CHECK_MS = 1000;

/** What is asked of a mirror. */
export interface Wanted {
  readonly url: string;
  readonly refName: string;
  /** A name of our own for each ref: a branch `a` that became `a/b` would be in its own way. */
  readonly kept: string;
  readonly commit: string;
}

type Brought =
  | { readonly kind: 'there' }
  | { readonly kind: 'not-fetched'; readonly why: string }
  /** The ref was fetched, and the commit alone is not given out. */
  | { readonly kind: 'not-given'; readonly why: string }
  | { readonly kind: 'not-on-the-ref' };

/**
 * The bare mirror of one address. One caller at a time; every git that writes to it is a child of this process, whose work folder no other
 * runner uses, so what lies about when nobody works in it was left by a git that was killed.
 */
export class Mirror {
  readonly #home: string;
  readonly #maxMiB: number;
  /** Whatever an earlier process left is gone. */
  #entered = false;
  /** The last git that wrote to it ended well. */
  #tidy = false;
  #doubted = false;
  #fetches = 0;
  /** For each kept ref the commits found on it since the last fetch: the jobs of a run all ask for the same one. */
  readonly #found = new Map<string, Set<string>>();

  constructor(settings: { readonly home: string; readonly maxMiB: number }) {
    this.#home = settings.home;
    this.#maxMiB = settings.maxMiB;
  }

  /** A reader met what git could not read: it is looked through before the next job is served. */
  doubt(): void {
    this.#doubted = true;
  }

  /** Brings the commit here. One that turns out broken is made anew, once; `tell` hears of each repair in a line. */
  async bring(wanted: Wanted, call: GitCall, tell: (line: string) => void): Promise<void> {
    await this.#tidyUp(call, tell);
    const isNew = !isWhole(call.cwd);
    if (isNew) await this.#make(call);
    else if (this.#doubted && (await isBroken(call))) await this.#makeAnew(call, tell);
    this.#doubted = false;
    let brought = await this.#tryToBring(wanted, call);
    if (!isNew && (await this.#isToBlame(brought, wanted, call))) {
      await this.#makeAnew(call, tell);
      brought = await this.#tryToBring(wanted, call);
    }
    if (brought.kind !== 'there') throw new ExecutorTrouble('checkout', sentenceOf(brought, wanted));
  }

  async #tidyUp(call: GitCall, tell: (line: string) => void): Promise<void> {
    if (this.#tidy) return;
    if (!this.#entered) await removeSetAside(call.cwd);
    if (existsSync(call.cwd)) {
      const left = await removeLeftovers(call.cwd, { earlier: !this.#entered });
      if (left.length > 0)
        tell(`the mirror of the repository was repaired: a git that was killed had left ${left.sort().join(', ')}`);
    }
    this.#entered = true;
    this.#tidy = true;
  }

  async #makeAnew(call: GitCall, tell: (line: string) => void): Promise<void> {
    await this.#make(call);
    tell('the mirror of the repository was repaired: git found it broken, so it was made anew');
  }

  async #make(call: GitCall): Promise<void> {
    this.#found.clear();
    await makeMirror(call.cwd, this.#home, call);
  }

  async #tryToBring({ url, refName, kept, commit }: Wanted, call: GitCall): Promise<Brought> {
    if (await this.#contains(call, kept, commit)) return { kind: 'there' };
    const why = await this.#fetch(call, url, `+${refName}:${kept}`);
    if (why !== undefined) return { kind: 'not-fetched', why };
    this.#found.delete(kept);
    if (await this.#contains(call, kept, commit)) return { kind: 'there' };
    // A merge request's ref moves when it is pushed again; a branch that no longer holds the commit is another matter (A18).
    if (refName.startsWith('refs/heads/')) return { kind: 'not-on-the-ref' };
    const notGiven = await this.#fetch(call, url, commit);
    if (notGiven !== undefined) return { kind: 'not-given', why: notGiven };
    const isThere = (await git(['cat-file', '-e', `${commit}^{commit}`], call)).exitCode === 0;
    return { kind: isThere ? 'there' : 'not-on-the-ref' };
  }

  /** Whether the mirror and not the address or the commit is at fault. What is checked is little as long as it can be the commit. */
  async #isToBlame(brought: Brought, { url, refName, kept }: Wanted, call: GitCall): Promise<boolean> {
    switch (brought.kind) {
      case 'there':
      case 'not-given':
        return false;
      case 'not-on-the-ref':
        return complains(await git(['rev-list', '--quiet', kept, '--'], call));
      case 'not-fetched': {
        const asked = await git(['ls-remote', '--exit-code', '--', url, refName], { ...call, cwd: this.#home });
        return asked.exitCode === 0 && (await isBroken(call));
      }
    }
  }

  async #contains(call: GitCall, ref: string, commit: string): Promise<boolean> {
    const found = this.#found.get(ref) ?? new Set();
    if (found.has(commit)) return true;
    const isThere = (await git(['merge-base', '--is-ancestor', commit, ref], call)).exitCode === 0;
    if (isThere) this.#found.set(ref, found.add(commit));
    return isThere;
  }

  /** Returns why nothing could be fetched, in git's words. */
  async #fetch(call: GitCall, url: string, refspec: string): Promise<string | undefined> {
    const tooLarge = new AbortController();
    const signal = AbortSignal.any([call.signal, tooLarge.signal]);
    const isTooLarge = async () => (await sizeMiB(call.cwd)) > this.#maxMiB;
    const guard = setInterval(() => {
      void isTooLarge().then((large) => large && tooLarge.abort());
    }, SIZE_CHECK_MS);
    this.#tidy = false;
    try {
      this.#fetches += 1;
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
          refspec,
        ],
        { ...call, signal },
      );
      if (await isTooLarge()) tooLarge.abort();
      signal.throwIfAborted();
      if (fetched.exitCode !== 0) return lastLines(fetched.stderr);
      this.#tidy =
        this.#fetches % GC_EVERY_FETCHES !== 0 || (await git(['gc', '--auto', '--quiet'], call)).exitCode === 0;
      // What cannot be packed together may be what cannot be read.
      if (!this.#tidy) this.#doubted = true;
      return undefined;
    } catch (error) {
      if (!tooLarge.signal.aborted || call.signal.aborted) throw error;
      await rm(call.cwd, { recursive: true, force: true });
      throw new ExecutorTrouble(
        'checkout',
        `The repository is larger than ${this.#maxMiB} MiB (SLUICE_RUNNER_MAX_REPOSITORY_MIB).`,
      );
    } finally {
      clearInterval(guard);
    }
  }
}

function sentenceOf(brought: Exclude<Brought, { kind: 'there' }>, { commit, refName }: Wanted): string {
  return brought.kind === 'not-on-the-ref'
    ? `Commit ${commit.slice(0, 12)} is not reachable from ${refName}: it was never pushed there, or the branch was rewritten.`
    : `The repository could not be fetched: ${brought.why}`;
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
