import { Injectable } from '@nestjs/common';
import type { LeaseGrant } from '@sluice/protocol';
import type { RunnerPrincipal } from '../../platform/http/principal.ts';
import { conflict } from '../../platform/http/problem.ts';
import { BuildLease } from '../dispatch/index.ts';
import { leaseLost } from '../logs/index.ts';
import { HoldLease, type OnLease } from './hold-lease.ts';

/** Gives a runner that was restarted the lease it holds once more, so that it need not keep secrets on its disk. */
@Injectable()
export class ResumeLease {
  readonly #leases: HoldLease;
  readonly #build: BuildLease;
  constructor(leases: HoldLease, build: BuildLease) {
    this.#leases = leases;
    this.#build = build;
  }

  /** Throws 409 `lease-lost`, or `not-resumable` when the job could not be granted any more as it is now. */
  async resume(runner: RunnerPrincipal, lease: OnLease): Promise<LeaseGrant> {
    // Fences by attempt, epoch and runner, and renews, so the lease lives while it is built.
    await this.#leases.renew(runner, lease);
    const built = await this.#build.build({ ...lease, runnerId: runner.runnerId });
    if (built.kind === 'gone') throw leaseLost();
    if (built.kind === 'refused') throw conflict('not-resumable', built.reason.message);
    return built.lease;
  }
}
