import { Injectable } from '@nestjs/common';
import {
  decideRun,
  evolveRun,
  nextWakeAt,
  runGroup,
  type Decision,
  type RunCommand,
  type RunEffect,
  type RunEvent,
  type RunState,
} from '@sluice/engine';
import type { Definition, Finding } from '@sluice/pipeline-spec';
import { Clock, Ids } from '../../platform/clock/clock.port.ts';
import { json } from '../../platform/db/database.ts';
import type { Unit } from '../../platform/db/transactions.ts';
import { failpoint } from '../../platform/failpoints/failpoints.ts';
import { message, Outbox, type OutboxMessage } from '../../platform/outbox/outbox.ts';
import { planHash } from './plan-hash.ts';
import { queueAttempts } from './queue-attempts.ts';
import { olderOpenRuns } from './older-open-runs.ts';
import { isSnapshotDue, RunStates, type KnownRun } from './run-states.ts';
import { writeHistory } from './write-history.ts';

export interface NewRun {
  readonly command: Extract<RunCommand, { type: 'create' }>;
  readonly definition: Definition;
  readonly definitionText: string;
  readonly findings: readonly Finding[];
  readonly planHash: string;
  readonly dedupeKey: string | null;
}

export type Applied = Decision<RunEvent, RunEffect> & { readonly state: RunState };

/**
 * The only writer of runs. One call changes one run: row locked, decision by the pure engine, events, snapshot, attempt rows
 * and outbox in the caller's transaction. Locks run before attempt rows; callers that hold an attempt row first may
 * deadlock with a cancel and are retried by `Transactions`.
 */
@Injectable()
export class RunStore {
  readonly #clock: Clock;
  readonly #ids: Ids;
  readonly #outbox: Outbox;
  readonly #states: RunStates;
  constructor(clock: Clock, ids: Ids, outbox: Outbox, states: RunStates = new RunStates()) {
    this.#states = states;
    this.#clock = clock;
    this.#ids = ids;
    this.#outbox = outbox;
  }

  /** Inserts a new run; its number and id were reserved by the caller in the same transaction. */
  async create(unit: Unit, run: NewRun): Promise<RunState> {
    const decision = decideRun(undefined, run.command, this.#context());
    if (decision.kind !== 'accepted') throw new Error(`a new run was refused: ${JSON.stringify(decision)}`);
    const state = decision.events.reduce<RunState | undefined>(evolveRun, undefined)!;
    await unit.tx
      .insertInto('runs')
      .values({
        id: state.runId,
        team_id: state.teamId,
        service_id: state.serviceId,
        number: state.number,
        status: state.status,
        version: state.version,
        ref: state.ref,
        commit: state.commit,
        trust: state.trust,
        dedupe_key: run.dedupeKey,
        definition: json(run.definition),
        definition_text: run.definitionText,
        findings: json(run.findings),
        pull_request: state.pullRequest?.number ?? null,
        plan_hash: run.planHash,
        state: json(state),
        wake_at: nextWakeAt(state) ?? null,
        group_key: runGroup(state)?.key ?? null,
        group_max: runGroup(state)?.max ?? null,
        created_at: state.createdAt,
        finished_at: state.finishedAt ?? null,
        rerun_of: state.trigger.rerunOf ?? null,
      })
      .execute();
    await this.#write(unit, state, undefined, decision);
    await failpoint('run:before-commit');
    return state;
  }

  /**
   * Throws when the run does not exist; a rejected or ignored command is a value. `version`: of the run, for callers that
   * hold its lock already.
   */
  async apply(unit: Unit, runId: string, command: RunCommand, version?: number): Promise<Applied> {
    const before = await this.#states.load(unit.tx, runId, version ?? (await lockRun(unit, runId)));
    const decision = decideRun(before.state, command, this.#context());
    if (decision.kind !== 'accepted') return { ...decision, state: before.state };
    const state = decision.events.reduce<RunState>(evolveRun, before.state);
    await this.#write(unit, state, before, decision);
    await failpoint('run:before-commit');
    return { ...decision, state };
  }

  /** `before`: what is stored already, nothing of it for a run that is just being made. */
  async #write(
    unit: Unit,
    state: RunState,
    before: KnownRun | undefined,
    { events, effects }: Extract<Decision<RunEvent, RunEffect>, { kind: 'accepted' }>,
  ): Promise<void> {
    const messages: OutboxMessage[] = [
      message('changed', { topics: [`run:${state.runId}`, `service:${state.serviceId}`, 'board'] }),
    ];
    if (before?.state.status !== state.status) messages.push(message('report-status', { runId: state.runId }));
    if (before === undefined && (await hasOlder(unit, state)))
      messages.push(message('supersede-runs', { runId: state.runId }));
    const queued = effects.filter((effect) => effect.type === 'queue-attempt');
    for (const poolId of await queueAttempts(unit, state, queued)) messages.push(message('look-at-pool', { poolId }));
    await this.#cancelAttempts(
      unit,
      effects.flatMap((effect) => (effect.type === 'cancel-attempt' ? [effect.attemptId] : [])),
    );
    for (const effect of effects) {
      if (effect.type === 'make-release') messages.push(message('make-release', { runId: state.runId }));
      if (effect.type !== 'withdraw-release') continue;
      const by = state.cancelRequested?.by ?? { kind: 'system', name: 'Sluice' };
      messages.push(message('withdraw-release', { releaseId: effect.releaseId, by }));
    }
    if (events.some(({ type }) => type === 'jobs-generated')) await hashPlanAnew(unit, state);
    const storedVersion = before === undefined ? state.version : before.storedVersion;
    const withSnapshot = before !== undefined && isSnapshotDue(events, state, storedVersion);
    await writeHistory(unit, state, { from: before?.state.version, events, messages, withSnapshot });
    unit.afterCommit(() => {
      this.#states.keep({ state, storedVersion: withSnapshot ? state.version : storedVersion });
      this.#outbox.wake();
    });
  }

  async #cancelAttempts(unit: Unit, attemptIds: readonly string[]): Promise<void> {
    if (attemptIds.length === 0) return;
    await unit.tx
      .updateTable('attempts')
      .set((eb) => ({ cancel_requested_at: eb.fn<Date>('now') }))
      .where('id', 'in', attemptIds)
      .where('status', '=', 'running')
      .execute();
  }

  #context() {
    return { now: this.#clock.now().toISOString(), newId: () => this.#ids.next() };
  }
}

/** An approval is bound to all that was planned, so to what was generated too (I17). */
async function hashPlanAnew(unit: Unit, { runId, plan }: RunState): Promise<void> {
  const { definition } = await unit.tx
    .selectFrom('runs')
    .select('definition')
    .where('id', '=', runId)
    .executeTakeFirstOrThrow();
  await unit.tx
    .updateTable('runs')
    .set({ plan_hash: planHash(definition, plan) })
    .where('id', '=', runId)
    .execute();
}

/** Only a push makes older runs of its ref worthless, and only those that are still open. */
async function hasOlder(unit: Unit, { teamId, serviceId, ref, number, trigger }: RunState): Promise<boolean> {
  if (trigger.kind !== 'push') return false;
  const older = await olderOpenRuns(unit.tx, { teamId, serviceId, ref, number }).limit(1).executeTakeFirst();
  return older !== undefined;
}

async function lockRun(unit: Unit, runId: string): Promise<number> {
  const row = await unit.tx.selectFrom('runs').select('version').where('id', '=', runId).forUpdate().executeTakeFirst();
  if (!row) throw new Error(`run ${runId} does not exist`);
  return row.version;
}
