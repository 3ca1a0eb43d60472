import { sql, type Kysely } from 'kysely';

/** Limits of running jobs, groups of runs, and whose turn it is in a pool. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  `alter table teams add column max_running integer check (max_running > 0)`,
  `alter table services add column max_running integer check (max_running > 0)`,
  // Set as long as the run wants or has runners' time.
  `alter table runs add column group_key text, add column group_max integer`,
  `create index runs_group on runs (team_id, group_key) where group_key is not null`,
  `alter table attempts add column group_key text`,
  `create index attempts_grouped on attempts (pool_id, team_id, group_key) where status = 'queued' and group_key is not null`,
  `create index attempts_running on attempts (team_id, service_id) where status = 'running'`,
  `create table pool_turns (
     pool_id uuid not null references pools on delete cascade, team_id uuid not null references teams on delete cascade,
     served_at timestamptz not null, primary key (pool_id, team_id))`,
];
