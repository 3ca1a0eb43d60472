import { setTimeout as pause } from 'node:timers/promises';
import type { LeaseKey, RunnerApi, StepReport } from '../server/runner-api.ts';
import { LeaseLost } from '../server/server-answer.ts';

export type StepStatus = StepReport['status'];
const RETRY_MS = 1000;

/**
 * The state of all steps, told to the server after each change. Only the newest state matters: while one call is under way later
 * changes gather, and what never arrives is in the result all the same.
 */
export class StepReports {
  readonly #api: RunnerApi;
  readonly #lease: LeaseKey;
  readonly #stop: AbortSignal;
  readonly #now: () => Date;
  readonly #steps: StepReport[];
  #dirty = false;
  #isSending = false;

  constructor(
    api: RunnerApi,
    lease: LeaseKey,
    names: readonly string[],
    now: () => Date,
    stop: AbortSignal,
    /** As an earlier process left them. */
    earlier: readonly StepReport[] = [],
  ) {
    this.#api = api;
    this.#lease = lease;
    this.#now = now;
    this.#stop = stop;
    this.#steps = names.map((name, index) => ({
      index,
      name: name.slice(0, 200),
      status: 'queued',
      startedAt: null,
      finishedAt: null,
      exitCode: null,
      logOffset: null,
      ...earlier.find((step) => step.index === index),
    }));
  }

  get all(): StepReport[] {
    return this.#steps.map((step) => ({ ...step }));
  }

  isOver(index: number): boolean {
    return !['queued', 'running'].includes(this.#steps[index]?.status ?? '');
  }

  begin(index: number, logOffset: number): void {
    this.#change(index, { status: 'running', startedAt: this.#now().toISOString(), logOffset });
  }

  /** Says again what is known, after a restart. */
  repeat(): void {
    this.#change(0, {});
  }

  end(index: number, status: StepStatus, exitCode: number | undefined): void {
    this.#change(index, { status, finishedAt: this.#now().toISOString(), exitCode: exitCode ?? null });
  }

  skip(index: number): void {
    this.#change(index, { status: 'skipped' });
  }

  skipRest(): void {
    for (const step of this.#steps) if (step.status === 'queued') this.#change(step.index, { status: 'skipped' });
  }

  #change(index: number, change: Partial<StepReport>): void {
    const step = this.#steps[index];
    if (step === undefined) return;
    Object.assign(step, change);
    this.#dirty = true;
    if (this.#isSending) return;
    this.#isSending = true;
    void this.#send().finally(() => (this.#isSending = false));
  }

  async #send(): Promise<void> {
    // Changes of one turn (a step ends, the next begins) go as one.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#dirty && !this.#stop.aborted) {
      this.#dirty = false;
      try {
        await this.#api.steps(this.#lease, this.all, this.#stop);
      } catch (error) {
        // The lease keeper acts on a lost lease; here it only ends the telling.
        if (error instanceof LeaseLost || this.#stop.aborted) return;
        await pause(RETRY_MS, undefined, { signal: this.#stop }).catch(() => undefined);
        this.#dirty = true;
      }
    }
  }
}
