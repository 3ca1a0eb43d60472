/** What a mirror needs to know of a repository. The credential is used for fetches only and never logged. */
export interface MirrorRepository {
  readonly id: string;
  readonly url: string;
  readonly credential: { readonly username: string; readonly password: string } | null;
}

export interface CommitInfo {
  readonly sha: string;
  /** Subject line. */
  readonly message: string;
  readonly author: string;
  readonly authorEmail: string;
  readonly at: string;
}

/** Whom a commit names as its authors: the author line and `Co-authored-by` trailers. It proves nothing. */
export interface CommitAuthors {
  readonly sha: string;
  readonly emails: readonly string[];
}

export interface DiffSummary {
  readonly files: number;
  readonly insertions: number;
  readonly deletions: number;
}

/**
 * Bare mirrors of connected repositories, read with `git cat-file` and friends; never a checkout in the control plane.
 * `fetch`, `fetchRef` and `remoteHeads` touch the network and may throw RepositoryUnreachableError; the rest read what was fetched.
 * Reads of a commit that the mirror does not have throw CommitMissingError: fetch first.
 */
export abstract class GitMirror {
  /** Brings all branches and tags; concurrent calls for one repository share one fetch. */
  abstract fetch(repository: MirrorRepository): Promise<void>;
  /** Brings one ref beside the branches: a tag, the head of a pull request. `absent` = the repository has no such ref now. */
  abstract fetchRef(repository: MirrorRepository, ref: string): Promise<'fetched' | 'absent'>;
  /** Heads of all branches as they are now, full ref to commit; fetches nothing. */
  abstract remoteHeads(repository: MirrorRepository): Promise<ReadonlyMap<string, string>>;
  /** Full sha of the commit at a ref (`refs/heads/main` or `main`, `refs/tags/v1`), or null. */
  abstract resolve(repository: MirrorRepository, ref: string): Promise<string | null>;
  /** Commit that an object leads to: itself, or what an annotated tag names. Null when the mirror has no such object. */
  abstract commitOf(repository: MirrorRepository, id: string): Promise<string | null>;
  /** Text of a regular file at a commit, null when there is none; symlinks and files over 1 MiB throw UnreadableFileError (A31). */
  abstract readFile(repository: MirrorRepository, commit: string, path: string): Promise<string | null>;
  abstract commit(repository: MirrorRepository, commit: string): Promise<CommitInfo>;
  /** Newest first; `from` null = only `to` itself. `cut` when there are more than `limit`. */
  abstract commitsBetween(
    repository: MirrorRepository,
    from: string | null,
    to: string,
    limit: number,
  ): Promise<{ commits: CommitInfo[]; cut: boolean }>;
  /** Authors of every commit that `to` has and `from` has not, without a limit; the whole history when `from` is null or not in the mirror any more. */
  abstract authorsBetween(repository: MirrorRepository, from: string | null, to: string): Promise<CommitAuthors[]>;
  /** Paths that differ; null when `from` is null or not in the mirror any more (everything may have changed). */
  abstract changedPaths(repository: MirrorRepository, from: string | null, to: string): Promise<string[] | null>;
  abstract diffSummary(repository: MirrorRepository, from: string, to: string): Promise<DiffSummary>;
  /** Is `commit` reachable from the branch? Guards against commits of a fork's object network (A18). */
  abstract contains(repository: MirrorRepository, ref: string, commit: string): Promise<boolean>;
  /** Newest commit that both hold; equal to `one` exactly when `one` is an ancestor of `other`. Null when there is none or a commit is missing. */
  abstract mergeBase(repository: MirrorRepository, one: string, other: string): Promise<string | null>;
  /** Removes mirrors of other repositories than these, and of other addresses, that are here for a day or longer. How many went. */
  abstract removeOthers(connected: readonly Pick<MirrorRepository, 'id' | 'url'>[]): Promise<number>;
}

export class RepositoryUnreachableError extends Error {
  override readonly name = 'RepositoryUnreachableError';
}
export class CommitMissingError extends Error {
  override readonly name = 'CommitMissingError';
}
export class UnreadableFileError extends Error {
  override readonly name = 'UnreadableFileError';
}
