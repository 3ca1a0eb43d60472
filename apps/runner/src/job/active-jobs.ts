import type { LeaseGrant } from '@sluice/protocol';
import type { StopCause } from './attempt-control.ts';
import { AttemptControl } from './attempt-control.ts';
import type { EndedJob } from './carry-out.ts';
import type { JobParts } from './job-parts.ts';
import type { EarlierJob } from './resume-job.ts';
import { resumeJob } from './resume-job.ts';
import { runJob } from './run-job.ts';

interface ActiveJob {
  readonly control: AttemptControl;
  readonly gone: Promise<void>;
}

export interface JobSettings {
  readonly slots: number;
  readonly graceMs?: number;
  /** Something of an ended attempt stays in the engine. */
  readonly onUnclean: (error: unknown) => void;
}

/** The attempts this process holds. An attempt counts until nothing of it is left in the engine. */
export class ActiveJobs {
  readonly #parts: JobParts;
  readonly #settings: JobSettings;
  readonly #jobs = new Map<string, ActiveJob>();
  readonly #removals = new Set<Promise<void>>();

  constructor(parts: JobParts, settings: JobSettings) {
    this.#parts = parts;
    this.#settings = settings;
  }

  readonly isActive = (attemptId: string): boolean => this.#jobs.has(attemptId);

  /**
   * Resolves when the slot may take the next job: the result is acknowledged. What the executor made is removed meanwhile, so the
   * next job need not wait for it, as long as no more removals than slots are under way.
   */
  async run(grant: LeaseGrant): Promise<void> {
    const { attemptId } = grant;
    // A second grant of an attempt that we still hold: the first one is lost, whatever we thought.
    const earlier = this.#jobs.get(attemptId);
    earlier?.control.stop('lease-lost');
    await earlier?.gone;
    await this.#hold(attemptId, (control) => runJob(grant, this.#parts, control));
  }

  /** A job of an earlier process. Counts as active from the call on. */
  resume(job: EarlierJob): Promise<void> {
    return this.#hold(job.folder.lease.attemptId, (control) => resumeJob(job, this.#parts, control));
  }

  stopAll(cause: StopCause): void {
    for (const { control } of this.#jobs.values()) control.stop(cause);
  }

  async allCleaned(): Promise<void> {
    await Promise.all([...this.#jobs.values()].map(({ gone }) => gone));
  }

  async #hold(attemptId: string, begin: (control: AttemptControl) => Promise<EndedJob>): Promise<void> {
    const control = new AttemptControl(this.#settings.graceMs);
    const running = begin(control);
    const gone = running
      .then(({ cleaned }) => cleaned)
      .catch((error: unknown) => this.#settings.onUnclean(error))
      .finally(() => this.#jobs.delete(attemptId));
    this.#jobs.set(attemptId, { control, gone });
    const ended = await running.catch(() => undefined);
    // Kept containers hold no slot; they have a limit of their own.
    if (ended?.isKept === true) return;
    this.#removals.add(gone);
    void gone.finally(() => this.#removals.delete(gone));
    while (this.#removals.size > this.#settings.slots) await Promise.race(this.#removals);
  }
}
