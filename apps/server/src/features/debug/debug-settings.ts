/** Times in seconds, sizes in bytes. */
export class DebugSettings {
  /** A runner that did not ask for orders for so long keeps nothing any more. */
  readonly silentSeconds: number;
  /** No sweep for so long: nobody listened meanwhile. With the longest pause of a runner that comes back it is less than `silentSeconds`. */
  readonly stillSeconds: number;
  /** A shell into which nothing was typed for so long is closed. */
  readonly idleSeconds: number;
  /** Output of one shell that nobody has read; beyond it the shell is held up. As much of what was read is kept for a page that comes back. */
  readonly unreadBytes: number;
  /** Orders of one kept container that its runner has not carried out; beyond it people are asked to wait. */
  readonly mostOrders: number;
  readonly sweepMs: number;
  constructor({
    silentSeconds = 60,
    stillSeconds = 15,
    idleSeconds = 900,
    unreadBytes = 256 * 1024,
    mostOrders = 100,
    sweepMs = 3_000,
  } = {}) {
    this.silentSeconds = silentSeconds;
    this.stillSeconds = stillSeconds;
    this.idleSeconds = idleSeconds;
    this.unreadBytes = unreadBytes;
    this.mostOrders = mostOrders;
    this.sweepMs = sweepMs;
  }
}
