import type { Instant } from './run.ts';
import type { AttemptStatus } from './statuses.ts';

/**
 * A runner's right to one attempt. `epoch` rises with every grant and every taking back, so that a word of an earlier
 * holder never counts (I06). Whoever reads `now` must read it where `expiresAt` is compared: from the database.
 */
export interface Lease {
  readonly status: AttemptStatus;
  readonly epoch: number;
  readonly runnerId: string | null;
  readonly expiresAt: Instant | null;
  /** When the runner confirmed that it began. */
  readonly startedAt: Instant | null;
}

export interface LeaseHolder {
  readonly runnerId: string;
  readonly epoch: number;
}

export type LeaseDecision =
  | { readonly kind: 'accepted'; readonly lease: Lease }
  | { readonly kind: 'ignored'; readonly why: string }
  | {
      readonly kind: 'rejected';
      readonly code: 'lease-lost' | 'not-queued' | 'already-started';
      readonly message: string;
    };

export function grantLease(
  lease: Lease,
  to: { readonly runnerId: string; readonly expiresAt: Instant },
): LeaseDecision {
  if (lease.status !== 'queued') return refuse('not-queued', `The attempt is ${lease.status} and cannot be leased.`);
  return accept({
    status: 'running',
    epoch: lease.epoch + 1,
    runnerId: to.runnerId,
    expiresAt: to.expiresAt,
    startedAt: null,
  });
}

/** A lease past its time that nobody has swept yet is still the holder's (F17); an earlier end is never set. */
export function renewLease(lease: Lease, by: LeaseHolder, expiresAt: Instant): LeaseDecision {
  if (!isHeldBy(lease, by)) return lost(lease, by);
  if (lease.expiresAt !== null && expiresAt <= lease.expiresAt)
    return { kind: 'ignored', why: 'The lease lasts longer already.' };
  return accept({ ...lease, expiresAt });
}

export function startLease(lease: Lease, by: LeaseHolder, now: Instant): LeaseDecision {
  if (!isHeldBy(lease, by)) return lost(lease, by);
  if (lease.startedAt !== null) return { kind: 'ignored', why: 'The attempt has been started already.' };
  return accept({ ...lease, startedAt: now });
}

/** The answer never reached the runner: the same attempt waits again, and the next epoch shuts the old holder out. */
export function returnLease(lease: Lease, by: LeaseHolder): LeaseDecision {
  if (!isHeldBy(lease, by)) return lost(lease, by);
  if (lease.startedAt !== null)
    return refuse('already-started', 'The attempt has been started and cannot be returned.');
  return accept(requeued(lease));
}

/** The sweep. What had begun is `lost`; what had not is queued again and costs no attempt. */
export function expireLease(lease: Lease, now: Instant): LeaseDecision {
  if (lease.status !== 'running' || lease.expiresAt === null) return { kind: 'ignored', why: 'No lease is held.' };
  if (lease.expiresAt > now) return { kind: 'ignored', why: 'The lease has not run out.' };
  return accept(lease.startedAt === null ? requeued(lease) : { ...lease, status: 'lost', epoch: lease.epoch + 1 });
}

/** A result counts only for the current epoch, and only once. */
export function endLease(
  lease: Lease,
  by: LeaseHolder,
  outcome: Exclude<AttemptStatus, 'queued' | 'running' | 'lost'>,
): LeaseDecision {
  if (!isHeldBy(lease, by)) return lost(lease, by);
  return accept({ ...lease, status: outcome, expiresAt: null });
}

function isHeldBy(lease: Lease, by: LeaseHolder): boolean {
  return lease.status === 'running' && lease.epoch === by.epoch && lease.runnerId === by.runnerId;
}

function requeued({ epoch }: Lease): Lease {
  return { status: 'queued', epoch: epoch + 1, runnerId: null, expiresAt: null, startedAt: null };
}

function accept(lease: Lease): LeaseDecision {
  return { kind: 'accepted', lease };
}

function lost({ status, epoch }: Lease, by: LeaseHolder): LeaseDecision {
  const why =
    status === 'running'
      ? `epoch ${by.epoch} is not the current one (${epoch}) of this runner`
      : `the attempt is ${status}`;
  return refuse('lease-lost', `The lease is not held any more: ${why}.`);
}

function refuse(code: Extract<LeaseDecision, { kind: 'rejected' }>['code'], message: string): LeaseDecision {
  return { kind: 'rejected', code, message };
}
