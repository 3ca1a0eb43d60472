import type { CarriedWork, RunState, Trust } from '@sluice/engine';
import { conflict } from '../../platform/http/problem.ts';

interface Refusal {
  readonly code: string;
  readonly message: string;
}

/** Whether containers of failed jobs may be kept for a look inside. */
export class KeepSettings {
  /** 0 = never. */
  readonly mostMinutes: number;
  constructor(mostMinutes: number) {
    this.mostMinutes = mostMinutes;
  }

  /** Why nothing is kept of such a run. */
  refusal({ trust }: { readonly trust: Trust }): Refusal | undefined {
    if (this.mostMinutes === 0) {
      return {
        code: 'debug-off',
        message: 'This installation keeps no containers of failed jobs (SLUICE_DEBUG_MINUTES is 0).',
      };
    }
    if (trust !== 'trusted') {
      return {
        code: 'debug-untrusted',
        message: 'Containers of a pull request from a fork are never kept: what runs in them is not from the team.',
      };
    }
    return undefined;
  }

  /** Throws 409 when nothing of the re-run could be kept, or not for so long. */
  require(run: RunState, minutes: number, carried: CarriedWork | undefined): void {
    const refused = this.refusal(run);
    if (refused) throw conflict(refused.code, refused.message);
    if (minutes > this.mostMinutes)
      throw conflict('keep-too-long', `A container is kept for at most ${this.mostMinutes} minutes; ask for fewer.`);
    const anew = run.plan.jobs.filter(({ key }) => carried?.jobs[key] === undefined);
    if (!anew.some(({ work }) => work.kind === 'steps' && work.spec.image !== undefined)) {
      throw conflict(
        'nothing-to-keep',
        'None of these jobs runs in a container of its own: an image build or a job on the host is never kept.',
      );
    }
  }
}
