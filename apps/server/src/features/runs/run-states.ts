import { Injectable } from '@nestjs/common';
import { evolveRun, readRunEvent, readRunState, type PlannedJob, type RunEvent, type RunState } from '@sluice/engine';
import type { DbOrTx } from '../../platform/db/database.ts';

/**
 * A run as its whole history tells it. The column `runs.state` is a snapshot: it may lack the last events of jobs and
 * attempts (see `isSnapshotDue`), which are in `run_events` from `state.version` on; `runs.version` counts them all.
 */
export interface KnownRun {
  readonly state: RunState;
  /** Version of the snapshot in the database; an older one than is true costs a snapshot too early and nothing else. */
  readonly storedVersion: number;
}

/** Jobs of all runs that are kept, a bound for memory: about 2 KB each with their plan. */
const KEPT_JOBS = 4_000;
const EVENTS_A_SNAPSHOT = 50;
/** Between two of these a state can be told from the snapshot cheaply. Everything else is in the snapshot at once. */
const PROGRESS: ReadonlySet<RunEvent['type']> = new Set([
  'attempt-queued',
  'attempt-started',
  'attempt-ended',
  'job-ended',
]);

/**
 * Whether the snapshot is written anew with these events. A run of 200 jobs has a state of some 100 KB: written with
 * each event, it costs many times the event. So the progress of jobs alone waits for its fiftieth event; stages, image,
 * release, lanes, cancel and end do not wait, so that these can be read from the snapshot alone.
 */
export function isSnapshotDue(events: readonly RunEvent[], state: RunState, storedVersion: number): boolean {
  return state.version - storedVersion >= EVENTS_A_SNAPSHOT || events.some(({ type }) => !PROGRESS.has(type));
}

/**
 * States of runs of late, by version: a state belongs to its run and version for ever, so any replica may keep it as long
 * as it asks the row for the version. Only states that were committed are kept.
 */
@Injectable()
export class RunStates {
  /** Least recently used first. */
  readonly #kept = new Map<string, KnownRun>();
  #jobs = 0;

  /**
   * The run at this version, or at a later one when it went on meanwhile and is not locked. Throws when the history does not
   * reach the version.
   */
  async load(db: DbOrTx, runId: string, version: number): Promise<KnownRun> {
    const kept = this.#kept.get(runId);
    if (kept?.state.version === version) {
      this.#use(runId, kept);
      return kept;
    }
    const base = kept && kept.state.version < version ? kept : await readSnapshot(db, runId);
    const [events = []] = base.state.version < version ? [await readEvents(db, runId, base.state.version)] : [];
    const state = events.reduce<RunState>(evolveRun, base.state);
    if (state.version < version) {
      throw new Error(`the history of run ${runId} ends at ${state.version}, its row says ${version}`);
    }
    return { state, storedVersion: base.storedVersion };
  }

  /** The newest state, read without a lock. undefined = there is no such run. */
  async read(db: DbOrTx, runId: string): Promise<RunState | undefined> {
    const row = await db.selectFrom('runs').select('version').where('id', '=', runId).executeTakeFirst();
    return row && (await this.load(db, runId, row.version)).state;
  }

  /**
   * A job as it is planned. What a run is to do never changes, but jobs may join it: one that the state at hand lacks is looked
   * for in the snapshot, which has them from the transaction on that added them.
   */
  async readJob(db: DbOrTx, runId: string, jobKey: string): Promise<PlannedJob | undefined> {
    const planned = ({ state }: KnownRun) => state.plan.jobs.find(({ key }) => key === jobKey);
    const kept = this.#kept.get(runId);
    return (kept && planned(kept)) ?? planned(await readSnapshot(db, runId));
  }

  /** To be called after the commit that made the state true. */
  keep(run: KnownRun): void {
    const { runId, version, finishedAt } = run.state;
    const known = this.#kept.get(runId);
    if (known && known.state.version >= version) return;
    this.#drop(runId);
    // A run that ended is hardly asked for again.
    if (finishedAt !== undefined || jobsOf(run) > KEPT_JOBS) return;
    this.#kept.set(runId, run);
    this.#jobs += jobsOf(run);
    for (const oldest of this.#kept.keys()) {
      if (this.#jobs <= KEPT_JOBS) break;
      this.#drop(oldest);
    }
  }

  #use(runId: string, run: KnownRun): void {
    this.#kept.delete(runId);
    this.#kept.set(runId, run);
  }

  #drop(runId: string): void {
    const known = this.#kept.get(runId);
    if (!known) return;
    this.#kept.delete(runId);
    this.#jobs -= jobsOf(known);
  }
}

/** A run without jobs still takes room. */
function jobsOf({ state }: KnownRun): number {
  return state.plan.jobs.length + 1;
}

async function readSnapshot(db: DbOrTx, runId: string): Promise<KnownRun> {
  const row = await db.selectFrom('runs').select('state').where('id', '=', runId).executeTakeFirst();
  if (!row) throw new Error(`run ${runId} does not exist`);
  const state = readRunState(row.state);
  return { state, storedVersion: state.version };
}

async function readEvents(db: DbOrTx, runId: string, after: number): Promise<RunEvent[]> {
  const rows = await db
    .selectFrom('run_events')
    .select('event')
    .where('run_id', '=', runId)
    .where('sequence', '>', after)
    .orderBy('sequence')
    .execute();
  return rows.map((row) => readRunEvent(row.event));
}
