import type { CacheSpec } from '@sluice/pipeline-spec';
import type { PlannedJob } from './plan.ts';

export interface CacheKey {
  readonly key: string;
  /** Beginnings of keys that will do, in the order in which they are tried. */
  readonly prefixes: readonly string[];
  /** What was to be kept: the same key with other paths is another cache. */
  readonly paths: string;
}

/**
 * The key is text from the definition and a hash, joined by `-`: nothing of it is evaluated. A variant of a matrix has keys of its own.
 * `filesHash` is the SHA-256 (hex) of the files that the cache names, null when it names none.
 */
export function cacheKey(
  { variant }: Pick<PlannedJob, 'variant'>,
  { key, paths, restore }: CacheSpec,
  filesHash: string | null,
): CacheKey {
  const values = Object.entries(variant?.values ?? {}).map(([axis, value]) => `${axis}=${value}`);
  const front = values.length === 0 ? '' : `${values.join(',')}/`;
  return {
    key: `${front}${key}${filesHash === null ? '' : `-${filesHash}`}`,
    prefixes: restore.map((prefix) => `${front}${prefix}`),
    paths: JSON.stringify(paths),
  };
}
