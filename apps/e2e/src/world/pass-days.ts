import { eventually } from '@sluice/testing';
import { readDatabase } from './read-database.ts';
import type { World } from './world.ts';

/** Newest runs of a service stay whatever their age; so many more make it an old one. */
const NEWER_RUNS = 20;

/** As if a run had ended so many days earlier, and its service had made newer runs since. */
export async function passDays(world: World, runId: string, days: number): Promise<void> {
  await readDatabase(world, async (database) => {
    await database.query({
      text: `with old as (
               update runs set finished_at = finished_at - $2 * interval '1 day' where id = $1::uuid returning service_id),
             logs as (
               update attempts set log_sealed_at = log_sealed_at - $2 * interval '1 day' where run_id = $1::uuid)
             update services set next_run_number = next_run_number + ${NEWER_RUNS} where id = (select service_id from old)`,
      values: [runId, days],
    });
  });
}

/** Asks for sweeps until this query finds a row. A server may die in one: its hold on the sweep is as good as over. */
export async function sweepUntil(
  world: World,
  what: string,
  query: { text: string; values: unknown[] },
): Promise<void> {
  await eventually(
    async () => {
      await world.admin().retention.sweepNow();
      return readDatabase(world, async (database) => {
        const { rowCount } = await database.query(query);
        if (rowCount === 0)
          await database.query(
            `update retention_sweeps set held_until = now() where finished_at is null and started_at < now() - interval '3 seconds'`,
          );
        return rowCount !== 0;
      });
    },
    { timeoutMs: 120_000, everyMs: 200, describe: what },
  );
}
