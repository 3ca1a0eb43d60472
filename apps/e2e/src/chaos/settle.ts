import { eventually } from '@sluice/testing';
import { readDatabase } from '../world/read-database.ts';
import type { World } from '../world/world.ts';

/** What still moves by itself. A gate that waits for a person does not. */
const MOVING = `
  select (select count(*) from outbox)::int as messages,
         (select count(*) from deliveries where status = 'received')::int as deliveries,
         (select count(*) from attempts where status in ('queued', 'running'))::int as attempts,
         (select count(*) from deployments where status in ('running', 'unknown'))::int as deployments,
         (select count(*) from kept_jobs where ended_at is null)::int as "kept containers",
         (select count(*) from runs where status in ('queued', 'running'))::int as runs,
         (select count(*) from attempts where log_sealed_at is null and started_at is not null and status <> 'lost')::int as logs`;

/** Resolves with what still moves when the time is over; an empty text = everything has come to rest. */
export async function settle(world: World, timeoutMs: number): Promise<string> {
  let left: Record<string, number> = {};
  const isQuiet = async () => {
    left = await readDatabase(
      world,
      async (database) => (await database.query<Record<string, number>>(MOVING)).rows[0]!,
    );
    return Object.values(left).every((count) => count === 0);
  };
  await eventually(isQuiet, { timeoutMs, everyMs: 500, describe: 'everything to come to rest' }).catch(() => undefined);
  return Object.entries(left)
    .filter(([, count]) => count > 0)
    .map(([what, count]) => `${count} ${what}`)
    .join(', ');
}
