import { Injectable } from '@nestjs/common';
import {
  choosePool,
  decideRun,
  evolveRun,
  isTerminal,
  nextWakeAt,
  readRunState,
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
import { Outbox } from '../../platform/outbox/outbox.ts';

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
 * The only writer of runs. One call changes one run: row locked, decision by the pure engine, events, state, attempt rows
 * and outbox in the caller's transaction. Locks run before attempt rows; callers that hold an attempt row first may
 * deadlock with a cancel and are retried by `Transactions`.
 */
@Injectable()
export class RunStore {
  readonly #clock: Clock;
  readonly #ids: Ids;
  readonly #outbox: Outbox;
  constructor(clock: Clock, ids: Ids, outbox: Outbox) {
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
        plan_hash: run.planHash,
        state: json(state),
        wake_at: nextWakeAt(state) ?? null,
        created_at: state.createdAt,
        finished_at: state.finishedAt ?? null,
      })
      .execute();
    await this.#write(unit, state, 0, decision.events, decision.effects);
    await failpoint('run:before-commit');
    return state;
  }

  /** Throws when the run does not exist; a rejected or ignored command is a value. */
  async apply(unit: Unit, runId: string, command: RunCommand): Promise<Applied> {
    const row = await unit.tx
      .selectFrom('runs')
      .select(['state', 'version'])
      .where('id', '=', runId)
      .forUpdate()
      .executeTakeFirst();
    if (!row) throw new Error(`run ${runId} does not exist`);
    const before = readRunState(row.state);
    const decision = decideRun(before, command, this.#context());
    if (decision.kind !== 'accepted') return { ...decision, state: before };
    const state = decision.events.reduce<RunState>(evolveRun, before);
    const { numUpdatedRows } = await unit.tx
      .updateTable('runs')
      .set({
        status: state.status,
        version: state.version,
        state: json(state),
        finished_at: state.finishedAt ?? null,
        release_id: state.releaseId ?? null,
        wake_at: nextWakeAt(state) ?? null,
      })
      .where('id', '=', runId)
      .where('version', '=', before.version)
      .executeTakeFirst();
    if (numUpdatedRows !== 1n) throw new Error(`run ${runId} changed under its lock`);
    await this.#write(unit, state, before.version, decision.events, decision.effects);
    await failpoint('run:before-commit');
    return { ...decision, state };
  }

  async #write(
    unit: Unit,
    state: RunState,
    version: number,
    events: readonly RunEvent[],
    effects: readonly RunEffect[],
  ): Promise<void> {
    if (events.length > 0) {
      await unit.tx
        .insertInto('run_events')
        .values(
          events.map((event, index) => ({
            run_id: state.runId,
            sequence: version + index + 1,
            at: event.at,
            event: json(event),
          })),
        )
        .execute();
    }
    for (const effect of effects) await this.#carryOut(unit, state, effect);
    for (const event of events) if (event.type === 'attempt-ended') await this.#endAttemptRow(unit, event);
    await this.#outbox.add(unit, 'changed', { topics: [`run:${state.runId}`, `service:${state.serviceId}`, 'board'] });
  }

  async #carryOut(unit: Unit, state: RunState, effect: RunEffect): Promise<void> {
    switch (effect.type) {
      case 'queue-attempt':
        return this.#queueAttempt(unit, state, effect);
      case 'cancel-attempt':
        await unit.tx
          .updateTable('attempts')
          .set((eb) => ({ cancel_requested_at: eb.fn<Date>('now') }))
          .where('id', '=', effect.attemptId)
          .where('status', '=', 'running')
          .execute();
        return;
      case 'make-release':
        return this.#outbox.add(unit, 'make-release', { runId: state.runId });
      case 'withdraw-release':
        return this.#outbox.add(unit, 'withdraw-release', {
          releaseId: effect.releaseId,
          by: state.cancelRequested?.by ?? { kind: 'system', name: 'Sluice' },
        });
    }
  }

  async #queueAttempt(
    unit: Unit,
    state: RunState,
    effect: Extract<RunEffect, { type: 'queue-attempt' }>,
  ): Promise<void> {
    const job = state.plan.jobs.find((planned) => planned.key === effect.jobKey);
    if (!job) throw new Error(`run ${state.runId} queued the unknown job ${effect.jobKey}`);
    const pools = await unit.tx
      .selectFrom('pools')
      .select(['id', 'team_id', 'name', 'trust', 'labels'])
      .where((eb) => eb.or([eb('team_id', '=', state.teamId), eb('team_id', 'is', null)]))
      .orderBy('name')
      .execute();
    const pool = choosePool(
      pools.map((row) => ({ poolId: row.id, teamId: row.team_id, trust: row.trust, labels: row.labels })),
      { teamId: state.teamId, trust: state.trust, labels: job.labels },
    );
    await unit.tx
      .insertInto('attempts')
      .values({
        id: effect.attemptId,
        team_id: state.teamId,
        run_id: state.runId,
        service_id: state.serviceId,
        job_key: effect.jobKey,
        number: effect.number,
        pool_id: pool?.poolId ?? null,
        trust: state.trust,
        labels: json(job.labels),
      })
      .execute();
    if (pool) await this.#outbox.add(unit, 'look-at-pool', { poolId: pool.poolId });
  }

  /** The row follows the aggregate: an attempt that the run has ended can no longer be leased, renewed or reported. */
  async #endAttemptRow(unit: Unit, event: Extract<RunEvent, { type: 'attempt-ended' }>): Promise<void> {
    if (!isTerminal(event.status)) return;
    await unit.tx
      .updateTable('attempts')
      .set((eb) => ({
        status: event.status,
        finished_at: eb.fn<Date>('now'),
        reason: event.reason ? json(event.reason) : null,
        exit_code: event.exitCode ?? null,
      }))
      .where('id', '=', event.attemptId)
      .where('status', 'in', ['queued', 'running'])
      .execute();
  }

  #context() {
    return { now: this.#clock.now().toISOString(), newId: () => this.#ids.next() };
  }
}
