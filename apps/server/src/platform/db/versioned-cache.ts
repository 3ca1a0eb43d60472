export interface Versioned {
  readonly id: string;
  readonly version: number;
}

/**
 * What was made of rows that only change together with their version: kept as long as the row has it, so that a page that shows
 * thousands of rows reads and parses those that changed. Holds at most `most` values; the ones asked for longest ago go first.
 */
export class VersionedCache<T> {
  readonly #most: number;
  readonly #kept = new Map<string, { readonly version: number; readonly value: T }>();

  constructor(most: number) {
    this.#most = most;
  }

  /** By id. `make` gets the rows that are not known in their version; a row that it leaves out is left out. */
  async of<Row extends Versioned>(
    rows: readonly Row[],
    make: (unknown: readonly Row[]) => Promise<ReadonlyMap<string, T>>,
  ): Promise<Map<string, T>> {
    const values = new Map<string, T>();
    const unknown: Row[] = [];
    for (const row of rows) {
      const kept = this.#kept.get(row.id);
      if (kept?.version === row.version) values.set(row.id, this.#keep(row, kept.value));
      else unknown.push(row);
    }
    if (unknown.length === 0) return values;
    const made = await make(unknown);
    for (const row of unknown) {
      const value = made.get(row.id);
      if (value !== undefined) values.set(row.id, this.#keep(row, value));
    }
    return values;
  }

  #keep({ id, version }: Versioned, value: T): T {
    this.#kept.delete(id);
    this.#kept.set(id, { version, value });
    if (this.#kept.size > this.#most) this.#kept.delete(this.#kept.keys().next().value!);
    return value;
  }
}
