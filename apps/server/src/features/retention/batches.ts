/** How far one look at a table got: the last row it saw, so that the next look goes on behind what had to stay. */
export interface Place {
  /** As PostgreSQL writes it: a Date would lose the microseconds, and the last row would come again. */
  readonly at: string;
  readonly id: string;
}

export const FROM_THE_START: Place = { at: '-infinity', id: '00000000-0000-0000-0000-000000000000' };

export interface Batch {
  readonly removed: number;
  /** Undefined: nothing is left behind it. */
  readonly next: Place | undefined;
}

/** Where the next look begins: behind the last of these rows, or nowhere when there were less than asked for. */
export function behind(rows: readonly Place[], most: number): Place | undefined {
  return rows.length < most ? undefined : rows.at(-1);
}
