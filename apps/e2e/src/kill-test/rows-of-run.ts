import type pg from 'pg';

/** Everything that a run left in the database, without ids and times: what must be the same however often the server died. */
export interface RowsOfRun {
  readonly [table: string]: unknown;
}

const QUERIES: Readonly<Record<string, string>> = {
  run: `select status, trust, state->'stages' as stages, (select count(*)::int from run_events where run_id = runs.id) = version as every_event_counted
          from runs where id = $1::uuid`,
  'run events without a gap': `select coalesce(array_agg(sequence order by sequence), '{}') = coalesce(array(select generate_series(1, max(sequence))), '{}') as gapless
          from run_events where run_id = $1::uuid`,
  // A run may miss a lane's words on the way to its end, since the lane is the truth; never its last one.
  'run events': `select event->>'type' as type, event->>'jobKey' as job, event->>'stage' as stage, event->>'status' as status, event->>'environment' as environment, count(*)::int as times
          from run_events where run_id = $1::uuid and not (event->>'type' = 'lane-changed' and event->>'status' in ('waiting', 'running'))
          group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5`,
  attempts: `select job_key, number, status, reason, exit_code, log_length > 0 as has_log, log_sealed_at is not null as sealed, log_incomplete, log_truncated
          from attempts where run_id = $1::uuid order by job_key, number`,
  releases: `select run_number > 0 as numbered, route, digest = (select state->'image'->>'digest' from runs where id = $1::uuid) as of_this_image from releases where run_id = $1::uuid`,
  deployments: `select e.name as environment, d.status, jsonb_array_length(d.approvals) as approvals, d.finished_at is not null as finished, d.reason
          from deployments d join releases r on r.id = d.release_id join environments e on e.id = d.environment_id where r.run_id = $1::uuid order by e.name`,
  'live in its lanes': `select e.name as environment, l.state->'live'->'release'->>'runId' = $1::uuid::text as this_run, jsonb_array_length(l.state->'open') as open
          from lanes l join environments e on e.id = l.environment_id where l.service_id = (select service_id from runs where id = $1::uuid) order by e.name`,
  'lane events without a gap': `select bool_and(gapless) as gapless from (select array_agg(sequence order by sequence) = array(select generate_series(1, max(sequence))) as gapless
          from lane_events where lane_id in (select id from lanes where service_id = (select service_id from runs where id = $1::uuid)) group by lane_id) one`,
  tests: `select job_key, suite, name, status from test_cases where run_id = $1::uuid order by job_key, suite, name`,
  deliveries: `select status, count(*)::int as times from deliveries where payload->>'after' = (select commit from runs where id = $1::uuid) group by status order by status`,
  'runs of the commit': `select count(*)::int as times from runs where commit = (select commit from runs where id = $1::uuid)`,
  'approvals on record': `select action, count(*)::int as times from audit_entries
          where action like 'gate.%' and subject in (select 'deployment:' || d.id from deployments d join releases r on r.id = d.release_id where r.run_id = $1::uuid) group by action`,
};

export async function rowsOfRun(database: pg.Client, runId: string): Promise<RowsOfRun> {
  const rows: Record<string, unknown> = {};
  for (const [name, text] of Object.entries(QUERIES))
    rows[name] = timeless((await database.query({ text, values: [runId] })).rows);
  return rows;
}

/** Messages between aggregates that are still on their way. */
export async function undelivered(database: pg.Client): Promise<number> {
  const { rows } = await database.query<{ left: number }>('select count(*)::int as left from outbox');
  return rows[0]!.left;
}

/** Where two runs differ, one sentence a table. */
export function rowDifferences(is: RowsOfRun, should: RowsOfRun): string[] {
  return Object.keys(should).flatMap((table) =>
    JSON.stringify(is[table]) === JSON.stringify(should[table])
      ? []
      : [`${table}: ${JSON.stringify(is[table])}, undisturbed it is ${JSON.stringify(should[table])}`],
  );
}

function timeless(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(timeless);
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !key.endsWith('At'))
      .map(([key, inner]) => [key, timeless(inner)]),
  );
}
