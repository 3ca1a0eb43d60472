import type { DbOrTx } from '../../platform/db/database.ts';
import type { LaneRow } from './lane-store.ts';

/** A lane with the settings of its environment as they are now; undefined when it does not exist. */
export async function findLane(db: DbOrTx, laneId: string): Promise<(LaneRow & { settingsHash: string }) | undefined> {
  const row = await db
    .selectFrom('lanes')
    .innerJoin('environments', 'environments.id', 'lanes.environment_id')
    .select(['lanes.id', 'environments.id as environment_id', 'environments.settings', 'environments.settings_hash'])
    .where('lanes.id', '=', laneId)
    .executeTakeFirst();
  return (
    row && {
      laneId: row.id,
      environmentId: row.environment_id,
      settings: row.settings,
      settingsHash: row.settings_hash,
    }
  );
}
