import type { Trust } from './plan.ts';

/** What the server itself knows about where a change comes from; nothing here is the word of a runner or of a definition. */
export interface CacheOrigin {
  readonly trust: Trust;
  /** `refs/heads/...`, `refs/tags/...` or the forge's ref of a pull request. */
  readonly ref: string;
  readonly defaultBranch: string;
}

export interface CacheScopes {
  /** The only scope that the run writes. */
  readonly write: string;
  /** Scopes that it reads, the nearest first. */
  readonly read: readonly string[];
}

/**
 * Who sees whose caches (I25, A65). The default branch reads only itself; other trusted refs read themselves and then the default branch. An
 * untrusted run reads and writes a scope of its own ref that no trusted run reads: it cannot put anything into what is released, and what
 * trusted jobs have left in a cache stays out of its hands. The word in front keeps a fork's branch `main` apart from ours.
 */
export function cacheScopes({ trust, ref, defaultBranch }: CacheOrigin): CacheScopes {
  const own = `${trust}:${ref}`;
  if (trust === 'untrusted') return { write: own, read: [own] };
  const main = `trusted:refs/heads/${defaultBranch}`;
  return { write: own, read: own === main ? [own] : [own, main] };
}
