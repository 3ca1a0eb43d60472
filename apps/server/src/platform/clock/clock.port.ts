/** The only source of time outside the database: near the database's own, which alone decides leases and expiries. */
export abstract class Clock {
  abstract now(): Date;
}

/** The only source of ids: UUID v7, so that rows made later sort later. */
export abstract class Ids {
  abstract next(): string;
}
