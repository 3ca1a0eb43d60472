/** Sizes in bytes of packed files. */
export class StorageSettings {
  readonly artifactBytes: number;
  readonly cacheBytes: number;
  /** Of all caches of one team. */
  readonly cacheTeamBytes: number;
  /** Unused for so long, a cache is not given out any more. */
  readonly cacheDays: number;
  /** How long a link to the store is good for: a transfer has to begin within it. */
  readonly linkSeconds: number;
  /** Of a link to this server, which ends with the lease anyway: all parts of a transfer go by one. */
  readonly ownLinkSeconds: number;
  constructor({
    artifactBytes = 1_073_741_824,
    cacheBytes = 1_073_741_824,
    cacheTeamBytes = 10_737_418_240,
    cacheDays = 14,
    linkSeconds = 900,
    ownLinkSeconds = 6 * 3600,
  } = {}) {
    this.artifactBytes = artifactBytes;
    this.cacheBytes = cacheBytes;
    this.cacheTeamBytes = cacheTeamBytes;
    this.cacheDays = cacheDays;
    this.linkSeconds = linkSeconds;
    this.ownLinkSeconds = ownLinkSeconds;
  }
}
