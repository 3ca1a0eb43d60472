import { Injectable } from '@nestjs/common';
import {
  CommitMissingError,
  GitMirror,
  type CommitInfo,
  type MirrorRepository,
} from '../../platform/forge/git-mirror.port.ts';

export interface KnownBranch {
  readonly ref: string;
  readonly defaultBranch: string;
  /** Newest head that a delivery was planned for; null = none yet. */
  readonly head: string | null;
}

/** Where an announced push stands in the history that the mirror shows. */
export type PushPlace =
  | {
      readonly kind: 'next';
      readonly commit: CommitInfo;
      /** Commit that the push is compared with; null = with none, everything counts. */ readonly base: string | null;
    }
  /** A newer push of the branch was planned already (F53). */
  | { readonly kind: 'older' }
  /** In the repository, but not on the branch (A18): rewritten meanwhile, or never there. */
  | { readonly kind: 'elsewhere' }
  | { readonly kind: 'missing' };

/**
 * Looks where a pushed commit lies. Only the mirror is believed: a payload's word that a push was forced counts for nothing,
 * what counts is that the branch stands there now.
 */
@Injectable()
export class PlacePush {
  readonly #mirror: GitMirror;
  constructor(mirror: GitMirror) {
    this.#mirror = mirror;
  }

  async place(
    repository: MirrorRepository,
    branch: KnownBranch,
    before: string | null,
    after: string,
  ): Promise<PushPlace> {
    const [now, commit] = await Promise.all([
      this.#mirror.resolve(repository, branch.ref),
      this.#commit(repository, after),
    ]);
    if (commit === null) return { kind: 'missing' };
    if (now !== after && !(await this.#mirror.contains(repository, branch.ref, after))) return { kind: 'elsewhere' };
    const shared = branch.head === null ? null : await this.#mirror.mergeBase(repository, branch.head, after);
    // The head moves to an ancestor only if the branch itself was set back to it (I21).
    if (branch.head !== after && shared === after && now !== after) return { kind: 'older' };
    return { kind: 'next', commit, base: await this.#base(repository, branch, before, after, shared) };
  }

  async #commit(repository: MirrorRepository, sha: string): Promise<CommitInfo | null> {
    try {
      return await this.#mirror.commit(repository, sha);
    } catch (error) {
      if (error instanceof CommitMissingError) return null;
      throw error;
    }
  }

  /**
   * What the push is compared with. First the head of the last planned push, so that a push that was overtaken or never
   * announced is not lost: its changes count with the next one. Then the head named by the payload, if the branch grew
   * from it. A new or rewritten branch is compared with the default branch. null = with nothing: everything counts.
   */
  async #base(
    repository: MirrorRepository,
    branch: KnownBranch,
    before: string | null,
    after: string,
    shared: string | null,
  ) {
    if (branch.head !== null && branch.head !== after && shared === branch.head) return branch.head;
    const newBranchOrFirst = branch.head === null || branch.head === after;
    if (
      newBranchOrFirst &&
      before !== null &&
      before !== after &&
      (await this.#mirror.mergeBase(repository, before, after)) === before
    )
      return before;
    const main = await this.#mirror.resolve(repository, branch.defaultBranch);
    if (main === null || branch.ref === `refs/heads/${branch.defaultBranch}`) return null;
    const fork = await this.#mirror.mergeBase(repository, main, after);
    // A branch that starts at a commit of the default branch has no change of its own yet; it is made for its runs.
    return fork === after ? null : fork;
  }
}
