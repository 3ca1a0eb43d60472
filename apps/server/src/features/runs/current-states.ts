import { sql } from 'kysely';
import { evolveRun, readRunEvent, readRunState, type RunEvent, type RunState } from '@sluice/engine';
import type { DbOrTx } from '../../platform/db/database.ts';

export interface StoredRun {
  readonly id: string;
  readonly version: number;
  /** The snapshot as it is stored. */
  readonly state: RunState;
}

/**
 * The states that rows of `runs` stand for: their snapshots and what happened since, by run id. One more query for all of
 * them together, and none when every snapshot is up to date.
 */
export async function currentStates(db: DbOrTx, rows: readonly StoredRun[]): Promise<Map<string, RunState>> {
  const states = new Map(rows.map((row) => [row.id, readRunState(row.state)]));
  const behind = rows.filter(({ id, version }) => states.get(id)!.version < version).map(({ id }) => id);
  if (behind.length === 0) return states;
  const from = behind.map((id) => states.get(id)!.version);
  const { rows: events } = await sql<{ run_id: string; event: RunEvent }>`
    select run_id, event from unnest(${behind}::uuid[], ${from}::int[]) as behind(id, version)
    join run_events on run_events.run_id = behind.id and run_events.sequence > behind.version
    order by run_id, sequence`.execute(db);
  for (const { run_id: id, event } of events) states.set(id, evolveRun(states.get(id), readRunEvent(event)));
  return states;
}
