import type pg from 'pg';

/** Gathers rows of one table and inserts them many at a time, column by column. */
export class RowWriter<Column extends string> {
  readonly #client: pg.Client;
  readonly #table: string;
  readonly #types: Readonly<Record<Column, string>>;
  #columns: Record<Column, unknown[]>;
  #waiting = 0;
  written = 0;

  /** `types`: column to the PostgreSQL type of its values, none of them from outside. */
  constructor(client: pg.Client, table: string, types: Readonly<Record<Column, string>>) {
    this.#client = client;
    this.#table = table;
    this.#types = types;
    this.#columns = this.#empty();
  }

  /** Rows that are not in the database yet. */
  get waiting(): number {
    return this.#waiting;
  }

  add(row: Readonly<Record<Column, unknown>>): void {
    for (const name of this.#names()) this.#columns[name].push(row[name]);
    this.#waiting += 1;
  }

  async flush(): Promise<void> {
    if (this.#waiting === 0) return;
    const names = this.#names();
    const columns = this.#columns;
    this.written += this.#waiting;
    this.#columns = this.#empty();
    this.#waiting = 0;
    const parts = names.map((name, index) => `$${index + 1}::${this.#types[name]}[]`);
    await this.#client.query(
      `insert into ${this.#table} (${names.join(', ')}) select * from unnest(${parts.join(', ')})`,
      names.map((name) => columns[name]),
    );
  }

  #names(): Column[] {
    return Object.keys(this.#types) as Column[];
  }

  #empty(): Record<Column, unknown[]> {
    return Object.fromEntries(this.#names().map((name) => [name, []])) as unknown as Record<Column, unknown[]>;
  }
}
