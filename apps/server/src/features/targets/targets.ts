import type { Target } from './target.port.ts';

/** The targets that this control plane knows, by the kind that settings name. */
export class Targets {
  readonly #byKind: ReadonlyMap<string, Target>;
  constructor(targets: readonly Target[]) {
    this.#byKind = new Map(targets.map((target) => [target.kind, target]));
  }

  get(kind: string): Target | undefined {
    return this.#byKind.get(kind);
  }
}
