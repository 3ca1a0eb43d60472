import { generatesTo, type LeaseHolder } from '@sluice/engine';
import type { Task } from '../kernel/kernel.ts';
import {
  dropPollsOf,
  endAttempt,
  known,
  leaseOf,
  LEASE_MS,
  lockAttempt,
  withLease,
  type LeaseCause,
} from './attempt-lease.ts';
import { generatedBy, type ServiceName } from './definitions.ts';
import { instant, Refused, type Replica, type Unit } from './replica.ts';
import { applyToRun } from './run-store.ts';
import type { AttemptResult, Tables } from './tables.ts';

/** features/runner-api/hold-lease.ts */
export function* startLease(replica: Replica, attemptId: string, holder: LeaseHolder): Task {
  const cause: LeaseCause = { kind: 'start', attemptId, holder };
  yield* replica.transaction(function* (unit) {
    const row = known(yield* lockAttempt(unit, attemptId));
    const decision = replica.at.wiring.startLease(leaseOf(row), holder, instant(replica.at.kernel.now));
    if (decision.kind === 'rejected') throw new Refused('lease-lost');
    if (decision.kind === 'ignored') return;
    unit.put('attempts', withLease(row, decision.lease));
    yield* dropPollsOf(unit, attemptId);
    const { jobKey, runId } = row;
    yield* applyToRun(replica, unit, runId, { type: 'attempt-started', jobKey, attemptId, runner: holder.runnerId });
  }, cause);
}

export function* renewLease(replica: Replica, attemptId: string, holder: LeaseHolder): Task<{ cancel: boolean }> {
  const cause: LeaseCause = { kind: 'renew', attemptId, holder };
  return yield* replica.transaction(function* (unit) {
    const row = known(yield* unit.lock('attempts', attemptId));
    const until = instant(replica.at.kernel.now + LEASE_MS);
    const decision = replica.at.wiring.renewLease(leaseOf(row), holder, until);
    if (decision.kind === 'rejected') throw new Refused('lease-lost');
    if (decision.kind === 'accepted') unit.put('attempts', withLease(row, decision.lease));
    return { cancel: row.cancelRequested };
  }, cause);
}

/** features/runner-api/accept-result.ts. Throws `lease-lost` or `result-conflict`. */
export function* acceptResult(replica: Replica, attemptId: string, holder: LeaseHolder, result: AttemptResult): Task {
  const cause: LeaseCause = { kind: 'result', attemptId, holder };
  const refusal = yield* replica.transaction(function* (unit): Task<string | undefined> {
    const row = known(yield* lockAttempt(unit, attemptId));
    if (row.result !== null && row.epoch === holder.epoch && row.runnerId === holder.runnerId) {
      if (JSON.stringify(row.result) === JSON.stringify(result)) return undefined;
      replica.audit(unit, holder.runnerId, 'attempt.result-conflict', attemptId);
      return 'result-conflict';
    }
    const decision = replica.at.wiring.endLease(leaseOf(row), holder, result.outcome);
    if (decision.kind !== 'accepted') {
      replica.audit(unit, holder.runnerId, 'attempt.late-result', attemptId);
      return 'lease-lost';
    }
    unit.put('attempts', { ...row, result });
    yield* endAttempt(replica, unit, unit.get('attempts', attemptId)!, withGenerated(unit, row, result));
    return undefined;
  }, cause);
  if (refusal !== undefined) throw new Refused(refusal);
  yield* sealIfComplete(replica, attemptId);
}

/** A fragment that is refused fails its job. The run is locked with the attempt. */
function withGenerated(
  unit: Unit,
  { runId, jobKey }: Tables['attempts'],
  { log: _, generated: text, ...ended }: AttemptResult,
): Parameters<typeof endAttempt>[3] {
  const { plan } = unit.get('runs', runId)!.state;
  const job = plan.jobs.find(({ key }) => key === jobKey)!;
  if (text === undefined || generatesTo(job) === undefined) return ended;
  const generated = generatedBy(plan.service as ServiceName, plan, job, text);
  if (generated) return { ...ended, generated };
  return { outcome: 'failed', reason: { code: 'generated-fragment', message: 'jobs.yaml is refused.' } };
}

/** features/logs/append-log.ts: the stored length afterwards. Throws `lease-lost`, `log-gap`, `log-conflict`, `log-sealed`. */
export function* appendLog(
  replica: Replica,
  attemptId: string,
  holder: LeaseHolder,
  offset: number,
  text: string,
): Task<number> {
  const cause: LeaseCause = { kind: 'log', attemptId, holder };
  const length = yield* replica.transaction(function* (unit) {
    const row = known(yield* unit.lock('attempts', attemptId));
    const holds =
      row.epoch === holder.epoch &&
      row.runnerId === holder.runnerId &&
      (row.status === 'running' || row.result !== null);
    if (!holds) throw new Refused('lease-lost');
    if (offset > row.log.length) throw new Refused('log-gap');
    const overlap = row.log.slice(offset, offset + text.length);
    if (!text.startsWith(overlap)) throw new Refused('log-conflict');
    const fresh = text.slice(overlap.length);
    if (fresh === '') return row.log.length;
    if (row.logSealed !== 'no') throw new Refused('log-sealed');
    unit.put('attempts', { ...row, log: row.log + fresh });
    return row.log.length + fresh.length;
  }, cause);
  yield* sealIfComplete(replica, attemptId);
  return length;
}

function* sealIfComplete(replica: Replica, attemptId: string): Task {
  const row = replica.at.store.get('attempts', attemptId);
  if (!row?.result || row.logSealed !== 'no' || row.log.length < row.result.log.length) return;
  yield* seal(replica, attemptId);
}

const FINISH_MS = 60_000;

/** features/logs/seal-log.ts: what has waited long enough for its last bytes is sealed as incomplete (F22). */
export function* sealOverdue(replica: Replica): Task {
  const { now } = replica.at.kernel;
  for (const { id, finishedAt, logSealed, result, log } of replica.at.store.rows('attempts')) {
    if (finishedAt === null || logSealed !== 'no') continue;
    const whole = result !== null && log.length >= result.log.length && finishedAt < now - 2_000;
    if (whole || finishedAt < now - FINISH_MS) yield* seal(replica, id);
  }
}

function* seal(replica: Replica, attemptId: string): Task {
  yield* replica.transaction(function* (unit) {
    const row = yield* unit.lock('attempts', attemptId);
    if (!row || row.logSealed !== 'no' || row.finishedAt === null) return;
    const complete = row.result === null ? row.startedAt === null : row.log === row.result.log;
    unit.put('attempts', { ...row, logSealed: complete ? 'complete' : 'incomplete' });
  });
}
