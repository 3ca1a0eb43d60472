/** The only source of time outside the database. Leases and expiries use the database's clock, not this one. */
export abstract class Clock {
  abstract now(): Date;
}

/** The only source of ids: UUID v7, so that rows made later sort later. */
export abstract class Ids {
  abstract next(): string;
}
