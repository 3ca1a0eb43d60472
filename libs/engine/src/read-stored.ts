import { planWithConditions } from './upcast-plan.ts';
import { LANE_VERSION } from './lane.ts';
import type { LaneEvent, LaneState } from './lane.ts';
import { PLAN_VERSION } from './plan.ts';
import type { Plan } from './plan.ts';
import { RUN_VERSION } from './run.ts';
import type { RunEvent, RunState } from './run.ts';

/** Written by a newer Sluice. Reading on would lose what this one does not know: update this replica. */
export class NewerVersionError extends Error {
  override readonly name = 'NewerVersionError';
  readonly what: string;
  readonly found: number;
  readonly known: number;

  constructor(what: string, found: number, known: number) {
    super(
      `The stored ${what} has version ${found}, but this Sluice knows versions up to ${known}: update it to read on.`,
    );
    this.what = what;
    this.found = found;
    this.known = known;
  }
}

/** Not something Sluice wrote. */
export class UnreadableRecordError extends Error {
  override readonly name = 'UnreadableRecordError';
}

type Stored = Readonly<Record<string, unknown>>;
/** Lifts a record by one version; the one at index 0 lifts version 1 to 2. */
export type Upcaster = (older: Stored) => Stored;

/** A step is added here with each version and is never changed afterwards. */
const RUN_STEPS: readonly Upcaster[] = [unchanged];
const RUN_EVENT_STEPS: readonly Upcaster[] = [unchanged];
const LANE_STEPS: readonly Upcaster[] = [];
const LANE_EVENT_STEPS: readonly Upcaster[] = [];
const PLAN_STEPS: readonly Upcaster[] = [planWithConditions];

/** What the new version adds may be absent. */
function unchanged(older: Stored): Stored {
  return older;
}

export function readPlan(stored: unknown): Plan {
  return upcast('plan', stored, 'schemaVersion', PLAN_VERSION, PLAN_STEPS) as unknown as Plan;
}

export function readRunEvent(stored: unknown): RunEvent {
  const event = upcast('run event', stored, 'v', RUN_VERSION, RUN_EVENT_STEPS) as unknown as RunEvent;
  return event.type === 'run-created' ? { ...event, plan: readPlan(event.plan) } : event;
}

export function readRunState(stored: unknown): RunState {
  const state = upcast('run', stored, 'schemaVersion', RUN_VERSION, RUN_STEPS) as unknown as RunState;
  return { ...state, plan: readPlan(state.plan) };
}

export function readLaneEvent(stored: unknown): LaneEvent {
  return upcast('lane event', stored, 'v', LANE_VERSION, LANE_EVENT_STEPS) as unknown as LaneEvent;
}

export function readLaneState(stored: unknown): LaneState {
  return upcast('lane', stored, 'schemaVersion', LANE_VERSION, LANE_STEPS) as unknown as LaneState;
}

/** Brings a stored record to the version this code knows. */
export function upcast(
  what: string,
  stored: unknown,
  field: 'v' | 'schemaVersion',
  known: number,
  steps: readonly Upcaster[],
): Stored {
  if (typeof stored !== 'object' || stored === null || Array.isArray(stored)) {
    throw new UnreadableRecordError(`The stored ${what} is not an object.`);
  }
  const found: unknown = (stored as Stored)[field];
  if (typeof found !== 'number' || !Number.isInteger(found) || found < 1) {
    throw new UnreadableRecordError(`The stored ${what} has no version in "${field}".`);
  }
  if (found > known) throw new NewerVersionError(what, found, known);
  let lifted = stored as Stored;
  for (let version = found; version < known; version++) {
    const step = steps[version - 1];
    if (!step)
      throw new UnreadableRecordError(`Nothing lifts a stored ${what} from version ${version} to ${version + 1}.`);
    lifted = { ...step(lifted), [field]: version + 1 };
  }
  return lifted;
}
