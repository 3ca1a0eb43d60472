import type { Actor, LaneState } from '@sluice/engine';
import type { Unit } from '../../platform/db/transactions.ts';
import type { LaneRow, LaneStore } from './lane-store.ts';

/**
 * Who cancelled the run, if anybody did; a cancel that comes now waits for the end of this transaction. Lanes are locked
 * before runs and never the other way round, so nobody waits in a circle.
 */
export async function calledOffBy(unit: Unit, runId: string): Promise<Actor | undefined> {
  const run = await unit.tx.selectFrom('runs').select('state').where('id', '=', runId).forShare().executeTakeFirst();
  return run?.state.cancelRequested?.by;
}

/**
 * Takes releases of cancelled runs from the gate. The cancel's own message does so too, but it may be late: whoever decides
 * by the gate calls this first, so that no gate opens for a run after its cancel was acknowledged (I19).
 */
export async function withdrawCalledOff(unit: Unit, lanes: LaneStore, row: LaneRow, lane: LaneState): Promise<void> {
  for (const { status, release } of lane.open) {
    if (status !== 'waiting') continue;
    const by = await calledOffBy(unit, release.runId);
    if (by) await lanes.apply(unit, row, { type: 'withdraw', releaseId: release.releaseId, by });
  }
}
