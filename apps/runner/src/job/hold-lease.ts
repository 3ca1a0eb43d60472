import type { LeaseKey } from '../server/runner-api.ts';
import type { AttemptControl } from './attempt-control.ts';
import type { JobParts } from './job-parts.ts';

/** Renews the lease until it is disposed, and ends the attempt when the server says so. */
export function holdLease(
  lease: LeaseKey,
  renewSeconds: number,
  { renewals, logger }: JobParts,
  control: AttemptControl,
): Disposable {
  return renewals.keep(lease, renewSeconds, {
    onCancel: () => control.stop('cancelled'),
    onLost: () => control.stop('lease-lost'),
    onTrouble: (message) => logger.warn({ attempt: lease.attemptId }, `the lease could not be renewed: ${message}`),
  });
}
