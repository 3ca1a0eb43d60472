import {
  decideLane,
  decideRun,
  endLease,
  expireLease,
  grantLease,
  pick,
  renewLease,
  returnLease,
  startLease,
} from '@sluice/engine';
import type { DeploymentRow, Tables } from './tables.ts';

/**
 * The decisions of the product, as its shell calls them. The real ones come from libs/engine; a planted bug replaces one of
 * them or turns a guard of the shell off. Nothing in the product knows of this.
 */
export interface Wiring {
  readonly decideRun: typeof decideRun;
  readonly decideLane: typeof decideLane;
  readonly pick: typeof pick;
  readonly grantLease: typeof grantLease;
  readonly renewLease: typeof renewLease;
  readonly startLease: typeof startLease;
  readonly returnLease: typeof returnLease;
  readonly expireLease: typeof expireLease;
  readonly endLease: typeof endLease;
  /** The digest that a deployment's intent fixes. */
  digestOf(release: Tables['releases'], tag: () => string): string;
  /** Who may drive a deployment now. */
  mayClaim(row: DeploymentRow, replica: string, now: number): boolean;
  readonly guards: {
    /** Row lock, expected version and the primary key of the events, which each would stop a lost update alone. */
    readonly runWrites: boolean;
    /** One dispatch of a pool at a time, rows locked and their status looked at under the lock. */
    readonly grants: boolean;
    /** Limits across runs are counted while nobody else grants for the team. */
    readonly limits: boolean;
    /** The runs of a group are counted at all. */
    readonly groups: boolean;
    /** A message leaves the outbox after it was carried out. */
    readonly outboxUntilDone: boolean;
    /** Unique key of run, job and number of an attempt. */
    readonly attemptNumbers: boolean;
    /** The environment's settings of this moment are brought to the lane before its gate is decided. */
    readonly bindBeforeDeciding: boolean;
    /** A cancelled run's release is taken from the gate before the gate is decided. */
    readonly cancelledAtGate: boolean;
    /** A driver looks at the target before it acts again. */
    readonly lookBeforeActing: boolean;
  };
}

export const REAL_WIRING: Wiring = {
  decideRun,
  decideLane,
  pick,
  grantLease,
  renewLease,
  startLease,
  returnLease,
  expireLease,
  endLease,
  digestOf: ({ image }) => image.digest,
  mayClaim: ({ holder, holderUntil }, _replica, now) => holder === null || holderUntil < now,
  guards: {
    runWrites: true,
    grants: true,
    limits: true,
    groups: true,
    outboxUntilDone: true,
    attemptNumbers: true,
    bindBeforeDeciding: true,
    cancelledAtGate: true,
    lookBeforeActing: true,
  },
};
