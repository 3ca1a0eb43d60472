import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { endLease, generatesTo, type PlannedJob, type RunCommand } from '@sluice/engine';
import type { AttemptResult } from '@sluice/protocol';
import { json } from '../../platform/db/database.ts';
import { Transactions, type Unit } from '../../platform/db/transactions.ts';
import { failpoint } from '../../platform/failpoints/failpoints.ts';
import type { RunnerPrincipal } from '../../platform/http/principal.ts';
import { conflict, invalid, Problem } from '../../platform/http/problem.ts';
import { missingArtifacts } from '../artifacts/index.ts';
import { Audit } from '../audit/index.ts';
import { EndAttempt, leaseOf, lockAttempt, type AttemptRow, type LockedWithRun } from '../dispatch/index.ts';
import { leaseLost, SealLog } from '../logs/index.ts';
import { checkGenerated, RunStates } from '../runs/index.ts';
import { known, type OnLease } from './hold-lease.ts';

/** `{ outcome, reason, exitCode, image, ... }` as the run hears it. */
type Ended = Omit<Extract<RunCommand, { type: 'attempt-ended' }>, 'type' | 'jobKey' | 'attemptId'>;

/**
 * The end of an attempt as its runner tells it. Stored with the attempt and applied to the run in one transaction, once,
 * and only with the current epoch (I06). Repeating it gets the same answer (F07, F20).
 */
@Injectable()
export class AcceptResult {
  readonly #transactions: Transactions;
  readonly #endAttempt: EndAttempt;
  readonly #audit: Audit;
  readonly #sealLog: SealLog;
  readonly #states: RunStates;
  constructor(transactions: Transactions, endAttempt: EndAttempt, audit: Audit, sealLog: SealLog, states: RunStates) {
    this.#states = states;
    this.#transactions = transactions;
    this.#endAttempt = endAttempt;
    this.#audit = audit;
    this.#sealLog = sealLog;
  }

  /** Throws 409 `lease-lost` or `result-conflict`, 422 when the result contradicts itself or the plan. */
  async accept(runner: RunnerPrincipal, lease: OnLease, result: AttemptResult): Promise<void> {
    const refusal = await this.#transactions.run(async (unit) => {
      const locked = known(runner, await lockAttempt(unit, lease.attemptId));
      const { row } = locked;
      const kept = keptResult(result);
      if (row.result !== null && row.epoch === lease.epoch && row.runner_id === runner.runnerId) {
        return sameContent(row.result, kept) ? undefined : this.#conflict(unit, runner, row, result);
      }
      const decision = endLease(leaseOf(row), { runnerId: runner.runnerId, epoch: lease.epoch }, result.outcome);
      if (decision.kind !== 'accepted') return this.#late(unit, runner, row, lease, result);
      const job = await this.#states.readJob(unit.tx, row.run_id, row.job_key);
      checkAgainstPlan(job, result);
      await requireArtifacts(unit, row.id, job, result);
      await unit.tx
        .updateTable('attempts')
        .set({ result: json(kept), steps: json(result.steps), log_truncated: result.log.truncated })
        .where('id', '=', row.id)
        .execute();
      await this.#endAttempt.end(unit, locked, await this.#withGenerated(unit, locked, result));
      await failpoint('result:before-commit');
      return undefined;
    });
    if (refusal) throw refusal;
    await failpoint('result:after-commit');
    // Should this fail, the sweep of overdue logs does it.
    await this.#sealLog.sealIfComplete(lease.attemptId).catch(() => undefined);
  }

  /** A fragment that is refused fails the job that wrote it, whatever its commands said. */
  async #withGenerated(unit: Unit, { row, runVersion }: LockedWithRun, result: AttemptResult): Promise<Ended> {
    const ended = toEnded(result);
    if (result.generated === undefined || result.outcome !== 'passed') return ended;
    const { state } = await this.#states.load(unit.tx, row.run_id, runVersion);
    const job = state.plan.jobs.find(({ key }) => key === row.job_key);
    if (!job || job.stage === 'build' || generatesTo(job) === undefined)
      throw invalid('The result names jobs that nobody asked it to generate.', 'result-contradiction');
    const checked = await checkGenerated(unit, state, { ...job, stage: job.stage }, result.generated);
    if (checked.kind === 'refused') return { outcome: 'failed', reason: checked.reason };
    return { ...ended, generated: checked.jobs };
  }

  /** The first one stands; that there was another is on record (F21). */
  async #conflict(unit: Unit, runner: RunnerPrincipal, row: AttemptRow, result: AttemptResult): Promise<Problem> {
    await this.#record(unit, runner, row, 'attempt.result-conflict', {
      stored: (row.result as AttemptResult).outcome,
      refused: result.outcome,
    });
    return conflict('result-conflict', 'Another result of this attempt is stored already; it stands.');
  }

  /** Never applied, kept as evidence only (F17). */
  async #late(
    unit: Unit,
    runner: RunnerPrincipal,
    row: AttemptRow,
    { epoch }: OnLease,
    result: AttemptResult,
  ): Promise<Problem> {
    await this.#record(unit, runner, row, 'attempt.late-result', {
      outcome: result.outcome,
      epoch,
      currentEpoch: row.epoch,
      status: row.status,
    });
    return leaseLost();
  }

  async #record(
    unit: Unit,
    runner: RunnerPrincipal,
    row: AttemptRow,
    action: string,
    detail: Record<string, unknown>,
  ): Promise<void> {
    await this.#audit.record(unit, {
      teamId: row.team_id,
      actor: { kind: 'system', name: `runner ${runner.runnerId}` },
      action,
      subject: `attempt:${row.id}`,
      detail,
    });
  }
}

/** A runner cannot claim a success that its own words contradict (A55), nor an image that was not asked of it (A92). */
function checkAgainstPlan(job: PlannedJob | undefined, { outcome, exitCode, steps, image }: AttemptResult): void {
  if (outcome !== 'passed') return;
  if (image && (job?.work.kind !== 'image' || image.repository !== job.work.spec.repository)) {
    throw invalid(
      'The result names an image of another repository than the plan; report what the job was to push.',
      'result-contradiction',
    );
  }
  if (exitCode !== undefined && exitCode !== 0)
    throw invalid(`The result is passed with exit code ${exitCode}; a passed job has 0.`, 'result-contradiction');
  const bad = steps.find(
    ({ index, status }) => status !== 'passed' && !(status === 'skipped' && mayBeSkipped(job, index)),
  );
  if (bad) throw invalid(`The result is passed, but its step "${bad.name}" is ${bad.status}.`, 'result-contradiction');
  if (job?.work.kind !== 'steps') return;
  const planned = job.work.spec.steps;
  const reported = new Set(steps.map(({ index }) => index));
  const found = planned.filter((_, index) => reported.has(index)).length;
  if (found < planned.length) {
    throw invalid(
      `The result is passed with ${found} of ${planned.length} steps; report every step.`,
      'result-contradiction',
    );
  }
}

/** Later jobs rely on what a passed job was to leave. */
async function requireArtifacts(
  unit: Unit,
  attemptId: string,
  job: PlannedJob | undefined,
  { outcome }: AttemptResult,
): Promise<void> {
  if (outcome !== 'passed' || job?.work.kind !== 'steps') return;
  const declared = job.work.spec.artifacts ?? [];
  const [missing] = await missingArtifacts(
    unit,
    attemptId,
    declared.map(({ name }) => name),
  );
  if (missing === undefined) return;
  throw invalid(
    `The result is passed without the artifact "${missing}"; send it before the result.`,
    'result-contradiction',
  );
}

function mayBeSkipped(job: PlannedJob | undefined, index: number): boolean {
  const step = job?.work.kind === 'steps' ? job.work.spec.steps[index] : undefined;
  return step !== undefined && (step.if !== undefined || step.when === 'failure');
}

function toEnded({ outcome, reason, exitCode, image, outputs }: AttemptResult): Ended {
  return {
    outcome,
    ...(reason ? { reason } : {}),
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(image ? { image } : {}),
    ...(outputs ? { outputs } : {}),
  };
}

/** What was generated is in the plan; its text is kept by its hash alone, to know a repetition by. */
function keptResult({ generated, ...result }: AttemptResult): AttemptResult {
  if (generated === undefined) return result;
  return { ...result, generated: `sha256:${createHash('sha256').update(generated).digest('hex')}` };
}

function sameContent(left: unknown, right: unknown): boolean {
  return canonical(left) === canonical(right);
}

/** jsonb does not keep the order of keys. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    part !== null && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
