const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);

/** The one address the server believes in; request headers never change it (A80). Filled when the port is known. */
export class PublicOrigin {
  #origin: string;
  constructor(origin: string) {
    this.#origin = origin;
  }

  get value(): string {
    return this.#origin;
  }

  /** Only for a server that asked for any free port. */
  set(origin: string): void {
    this.#origin = origin;
  }

  /** Browsers keep session cookies only on https and loopback. */
  get allowsSignIn(): boolean {
    const url = new URL(this.#origin);
    return url.protocol === 'https:' || LOOPBACK.has(url.hostname);
  }

  /** Same origin as the public one; the names of loopback count as one. */
  isOwn(origin: string): boolean {
    const own = new URL(this.#origin);
    const other = URL.parse(origin);
    if (other === null || other.origin !== origin) return false;
    if (other.origin === own.origin) return true;
    return (
      LOOPBACK.has(own.hostname) &&
      LOOPBACK.has(other.hostname) &&
      own.protocol === other.protocol &&
      own.port === other.port
    );
  }
}
