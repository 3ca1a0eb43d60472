import type { DbOrTx } from '../../platform/db/database.ts';

/** Runs of the same service and ref that were made before this one and have not ended. */
export function olderOpenRuns(
  db: DbOrTx,
  run: { readonly teamId: string; readonly serviceId: string; readonly ref: string; readonly number: number },
) {
  return db
    .selectFrom('runs')
    .select('id')
    .where('team_id', '=', run.teamId)
    .where('service_id', '=', run.serviceId)
    .where('ref', '=', run.ref)
    .where('number', '<', run.number)
    .where('finished_at', 'is', null);
}
