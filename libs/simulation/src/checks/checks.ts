import { BrokenInvariant, hold } from '@sluice/engine/testing';
import {
  foldLane,
  foldRun,
  isActiveDeployment,
  isHeld,
  isTerminal,
  readLaneEvent,
  readLaneState,
  readRunEvent,
  readRunState,
  waitingCause,
  type RunState,
} from '@sluice/engine';
import type { Change, Store, Transaction } from '../kernel/store.ts';
import type { HeldLease } from '../product/dispatch.ts';
import type { GateWish } from '../product/gates.ts';
import { instant } from '../product/replica.ts';
import type { Push } from '../product/planning.ts';
import type { AttemptResult, AttemptRow, DeploymentIntent, Tables } from '../product/tables.ts';
import type { Seen } from '../product/target.ts';
import type { RunnerEvents } from '../surroundings/runner.ts';
import { AttemptChecks } from './attempt-checks.ts';
import { LaneChecks } from './lane-checks.ts';
import { RunChecks } from './run-checks.ts';

/** Looks at every commit and every acknowledgement; keeps books of its own, apart from the product's. */
export class Checks implements RunnerEvents {
  readonly pushes: Push[] = [];
  violation: BrokenInvariant | undefined;
  readonly #store: Store<Tables>;
  readonly #note: (line: string) => void;
  readonly #runs: RunChecks;
  readonly #lanes: LaneChecks;
  readonly #attempts: AttemptChecks;
  /** Each says what must be found in the store for ever (I22). */
  readonly #promises: { readonly what: string; kept(): boolean }[] = [];
  readonly #read = new Map<string, string>();

  constructor(store: Store<Tables>, note: (line: string) => void) {
    this.#store = store;
    this.#note = note;
    this.#runs = new RunChecks(note);
    this.#lanes = new LaneChecks(store, note);
    this.#attempts = new AttemptChecks(store);
  }

  committed(changes: readonly Change<Tables>[], unit: Transaction<Tables>): void {
    this.#guard(() => {
      for (const change of changes) {
        if (change.table === 'runs') this.#runs.changed(change as Change<Tables, 'runs'>, changes);
        if (change.table === 'attempts') this.#attempts.changed(change as Change<Tables, 'attempts'>, unit);
        if (change.table === 'lanes') this.#lanes.changed(change as Change<Tables, 'lanes'>, changes, unit);
        if (change.table === 'deployments') this.#lanes.row(change as Change<Tables, 'deployments'>);
        if (change.table === 'environments') this.#lanes.settings(change as Change<Tables, 'environments'>);
        if (change.table === 'branchHeads') headMoved(change as Change<Tables, 'branchHeads'>);
      }
    });
  }

  /** An error that no server answers on purpose. */
  crashed(error: Error, process: string): void {
    const broken =
      error instanceof BrokenInvariant ? error : new BrokenInvariant('crash', `${process}: ${error.stack}`);
    this.violation ??= broken;
  }

  /** A call leaves for the target: after a look of the same driver, under its claim, with the digest that was built (I15, I18). */
  created({ deploymentId, digest }: DeploymentIntent, driver: string, seen: Seen | undefined): void {
    this.#guard(() => {
      const { releaseId, holder, holderUntil } = this.#store.get('deployments', deploymentId)!;
      const release = this.#store.get('releases', releaseId)!;
      const built = this.#store.get('runs', release.runId)!.state.image?.digest;
      this.#note(`target: ${driver} creates ${deploymentId} ${digest}`);
      hold('I15', digest === built, () => `${deploymentId} deploys ${digest}, its run built ${built}`);
      hold('I18', seen === 'absent', () => `${deploymentId} was created again without a look that said it is absent`);
      const holds = holder === driver && holderUntil > this.#store.kernel.now;
      hold('I18', holds, () => `${driver} creates ${deploymentId}, which ${holder} drives`);
    });
  }

  logAcked(attemptId: string, epoch: number, text: string): void {
    this.#promise(`log of ${attemptId}`, () => {
      const row = this.#store.get('attempts', attemptId)!;
      return row.epoch !== epoch || row.log.startsWith(text);
    });
  }

  resultAcked(attemptId: string, result: AttemptResult): void {
    this.#promise(`result of ${attemptId}`, () => {
      const stored = this.#store.get('attempts', attemptId)?.result;
      return JSON.stringify(stored) === JSON.stringify(result);
    });
  }

  deliveryAcked(deliveryId: string, push: Push): void {
    this.#promise(`delivery ${push.key}`, () => this.#store.get('deliveries', deliveryId)?.key === push.key);
  }

  approvalAcked({ userId, deploymentId }: GateWish): void {
    this.#promise(`approval of ${deploymentId} by ${userId}`, () => {
      const { laneId } = this.#store.get('deployments', deploymentId)!;
      return this.#store
        .get('laneEvents', laneId)!
        .events.some(
          (event) =>
            event.type === 'approved' &&
            event.deploymentId === deploymentId &&
            event.approval.userId.startsWith(userId),
        );
    });
  }

  cancelAcked(runId: string): void {
    this.#promise(`cancel of ${runId}`, () => this.#store.get('runs', runId)?.state.cancelRequested !== undefined);
  }

  /** A person saw this commit of the run and is about to let it go. */
  looked(runId: string, commit: string): void {
    this.#runs.looked(runId, commit);
  }

  admitAcked(runId: string): void {
    this.#promise(`word that lets ${runId} go`, () => this.#store.get('runs', runId)?.state.admitted !== undefined);
  }

  runAcked(runId: string): void {
    this.#promise(`run ${runId}`, () => this.#store.get('runs', runId) !== undefined);
  }

  leased(lease: HeldLease): void {
    this.#guard(() => this.#attempts.leased(lease));
  }

  began(attemptId: string): void {
    this.#guard(() => {
      const row = this.#store.get('attempts', attemptId)!;
      hold(
        'I22',
        row.startedAt !== null || isTerminal(row.status) || row.epoch > 1,
        () => `${attemptId} began and no row says so`,
      );
    });
  }

  /** What `latest` points to, set by the world. */
  pushed: RunnerEvents['pushed'] = () => undefined;

  /** A viewer that goes on where it stood (I11). */
  readLog(index: number): void {
    this.#guard(() => {
      const rows = this.#store.rows('attempts').filter(({ log }) => log !== '');
      const row = rows[index % Math.max(1, rows.length)];
      if (!row) return;
      const seen = this.#read.get(row.id) ?? '';
      hold('I11', row.log.startsWith(seen), () => `a viewer of ${row.id} was shown bytes that are other ones now`);
      this.#read.set(row.id, row.log);
    });
  }

  /** Between two commands: everything that waits can say why. */
  between(): void {
    this.#guard(() => {
      for (const row of this.#store.table('attempts').values()) if (row.status === 'queued') this.#attemptWaits(row);
      for (const { state } of this.#store.table('runs').values()) if (!isTerminal(state.status)) runWaits(state);
      for (const { state } of this.#store.table('lanes').values()) {
        for (const { id, status } of state.open) {
          if (status !== 'waiting') continue;
          const cause = waitingCause({ kind: 'deployment', lane: state, deploymentId: id });
          hold('I07', cause !== undefined, () => `${id} waits and nothing is in its way`);
        }
      }
    });
  }

  /** Today's code reads the stored histories, and finds in it what is stored (I34). */
  upgrade(openOnly: boolean): void {
    this.#guard(() => {
      for (const { id, state } of this.#store.table('runs').values()) {
        if (openOnly && isTerminal(state.status)) continue;
        const events = through(this.#store.get('runEvents', id)!.events).map(readRunEvent);
        hold('I34', same(foldRun(events), readRunState(state)), () => `the history of ${id} folds to another state`);
      }
      for (const { id, state } of this.#store.table('lanes').values()) {
        const events = through(this.#store.get('laneEvents', id)!.events).map(readLaneEvent);
        hold('I34', same(foldLane(events), readLaneState(state)), () => `the history of ${id} folds to another state`);
      }
    });
  }

  promises(): void {
    this.#guard(() => {
      for (const { what, kept } of this.#promises) hold('I22', kept(), () => `acknowledged and not stored: ${what}`);
    });
  }

  /** Nothing moves any more but what a person must decide, or what no pool takes. */
  isSettled(): boolean {
    return this.#unsettled() === undefined && this.#store.table('outbox').size === 0;
  }

  /** After faults have stopped for long enough. */
  settled(containers: ReadonlyMap<string, ReadonlySet<string>>, lastAnswered: ReadonlyMap<string, number>): void {
    this.#guard(() => {
      const unsettled = this.#unsettled();
      hold('I28', unsettled === undefined, () => `${unsettled} is still open`);
      const { now } = this.#store.kernel;
      const queued = this.#store
        .rows('attempts')
        .filter(({ status, poolId }) => status === 'queued' && poolId !== null);
      hold('I29', queued.length === 0, () => `${queued[0]?.id} is queued while runners wait`);
      for (const row of this.#store.rows('deployments'))
        hold('I30', !isActiveDeployment(row.status), () => `${row.id} still holds its lane`);
      for (const { state } of this.#store.rows('lanes')) {
        for (const { id, status } of state.open)
          hold('I30', this.#store.get('deployments', id)?.status === status, () => `lane and row differ about ${id}`);
      }
      for (const [runner, ids] of containers)
        hold('I31', ids.size === 0, () => `${runner} still has a container of ${[...ids].join()}`);
      const left = this.#store.rows('outbox');
      hold(
        'I32',
        left.length === 0,
        () => `the outbox still holds ${left[0]?.topic} ${JSON.stringify(left[0]?.payload)}`,
      );
      for (const [runner, at] of lastAnswered)
        hold('I33', now - at <= 60_000, () => `${runner} has not asked for work for ${now - at} ms`);
      for (const row of this.#store.rows('attempts'))
        hold('I10', row.finishedAt === null || row.logSealed !== 'no', () => `the log of ${row.id} was never sealed`);
      const open = this.#store.rows('deliveries').filter(({ status }) => status === 'received');
      hold('I22', open.length === 0, () => `${open[0]?.key} was acknowledged and never planned`);
    });
  }

  #unsettled(): string | undefined {
    for (const { id, state } of this.#store.table('runs').values()) {
      if (isTerminal(state.status) || isHeld(state)) continue;
      const gated = state.lanes.some(({ status, deploymentId }) => {
        if (status !== 'waiting' || deploymentId === undefined) return false;
        const row = this.#store.get('deployments', deploymentId);
        return row?.status === 'waiting' && state.cancelRequested === undefined;
      });
      const homeless = Object.values(state.jobs).some(({ attempts }) =>
        attempts.some(
          (attempt) => attempt.status === 'queued' && this.#store.get('attempts', attempt.id)?.poolId === null,
        ),
      );
      if (!gated && !homeless) return `${id} (${state.status})`;
    }
    return undefined;
  }

  #attemptWaits(row: AttemptRow): void {
    const { teamId, trust, labels, poolId, queuedAt } = row;
    const cause = waitingCause({
      kind: 'attempt',
      requirement: { teamId, trust, labels },
      readyAt: instant(queuedAt),
      ...(poolId !== null && { pool: { name: poolId, runnersOnline: 1, ahead: 0 } }),
    });
    hold('I07', cause !== undefined, () => `${row.id} is queued and cannot say why`);
    const run = this.#store.get('runs', row.runId)!.state;
    hold('I07', !isTerminal(run.status), () => `${row.id} is queued although its run has ended`);
  }

  #promise(what: string, kept: () => boolean): void {
    this.#guard(() => hold('I22', kept(), () => `acknowledged and not stored: ${what}`));
    this.#promises.push({ what, kept });
  }

  #guard(check: () => void): void {
    if (this.violation) return;
    try {
      check();
    } catch (error) {
      this.crashed(error as Error, 'checks');
    }
  }
}

function runWaits(state: RunState): void {
  for (const { key, status, attempts } of Object.values(state.jobs)) {
    if (isTerminal(status) || attempts.some((attempt) => !isTerminal(attempt.status))) continue;
    const cause = waitingCause({ kind: 'job', state, jobKey: key });
    hold('I07', cause !== undefined, () => `${key} of ${state.runId} waits and cannot say why`);
  }
  for (const { environment, status } of state.lanes) {
    if (status !== 'queued') continue;
    const cause = waitingCause({ kind: 'environment', state, environment });
    hold('I07', cause !== undefined, () => `${environment} of ${state.runId} waits and cannot say why`);
  }
}

function headMoved({ before, after }: Change<Tables, 'branchHeads'>): void {
  hold(
    'I21',
    !before || !after || after.commit >= before.commit,
    () => `the head of ${after?.id} went back from ${before?.commit} to ${after?.commit}`,
  );
}

function through<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
