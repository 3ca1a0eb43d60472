/** Knows which methods an address answers to, so that a wrong method can be told from a wrong address. */
export class KnownAddresses {
  readonly #routes: { readonly parts: readonly string[]; readonly methods: readonly string[] }[] = [];

  /** `url` as routes are registered: `:name` stands for one part. Catch-all routes answer to anything and say nothing. */
  add(url: string, methods: readonly string[]): void {
    if (!url.includes('*')) this.#routes.push({ parts: url.split('/'), methods });
  }

  /** Methods of the routes that fit, in order; empty for an address that is none of ours. */
  methodsAt(url: string): string[] {
    const parts = (url.split('?')[0] ?? '').split('/');
    const found = this.#routes.filter((route) => fits(route.parts, parts)).flatMap(({ methods }) => methods);
    return [...new Set(found)].sort();
  }
}

function fits(route: readonly string[], parts: readonly string[]): boolean {
  return (
    route.length === parts.length &&
    route.every((part, at) => (part.startsWith(':') ? parts[at] !== '' : part === parts[at]))
  );
}
