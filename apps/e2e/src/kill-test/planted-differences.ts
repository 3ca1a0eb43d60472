import type pg from 'pg';
import { QUERIES_OF_RUN, readRows, rowDifferences } from './rows.ts';

/** Changes that a kill might have made, each with what must tell of it. `$1` is the run's id; nothing of it is kept. */
const PLANTS: Readonly<Record<string, { readonly sql: string; readonly noticedIn: string }>> = {
  'a run of another status': { sql: `update runs set status = 'failed' where id = $1::uuid`, noticedIn: 'run' },
  'an event told twice': {
    sql: `insert into run_events select run_id, sequence + 1000, at, event from run_events where run_id = $1::uuid and event->>'type' = 'attempt-started' limit 1`,
    noticedIn: 'run events in order',
  },
  'an event left out': {
    sql: `delete from run_events where run_id = $1::uuid and sequence = 2`,
    noticedIn: 'run events without a gap',
  },
  'a job done twice': {
    sql: `update runs set state = jsonb_set(state, array['jobs', (select min(key) from jsonb_each(state->'jobs')), 'attempts'], '[1, 2]') where id = $1::uuid`,
    noticedIn: 'jobs',
  },
  'a lost attempt': { sql: `update attempts set status = 'lost' where run_id = $1::uuid`, noticedIn: 'attempts' },
  'a release of another image': {
    sql: `update releases set digest = 'sha256:0' where run_id = $1::uuid`,
    noticedIn: 'releases',
  },
  'a deployment that nobody let go': {
    sql: `update deployments set holder = id where release_id in (select id from releases where run_id = $1::uuid)`,
    noticedIn: 'deployments',
  },
  'a lane that is still held': {
    sql: `update lanes set state = jsonb_set(state, '{open}', '[1]') where service_id = (select service_id from runs where id = $1::uuid)`,
    noticedIn: 'lanes',
  },
  'a lane event told twice': {
    sql: `insert into lane_events select lane_id, (select max(sequence) + 1 from lane_events m where m.lane_id = e.lane_id), at, event from lane_events e
            where event->>'deploymentId' in (select d.id::text from deployments d join releases r on r.id = d.release_id where r.run_id = $1::uuid) limit 1`,
    noticedIn: 'lane events in order',
  },
  'a lane event left out': {
    sql: `delete from lane_events where sequence = 2 and lane_id in (select id from lanes where service_id = (select service_id from runs where id = $1::uuid))`,
    noticedIn: 'lane events without a gap',
  },
  'a test counted twice': {
    sql: `insert into test_cases select attempt_id, run_id, service_id, job_key, 'again', ordinal, suite, name, status, seconds, message from test_cases where run_id = $1::uuid limit 1`,
    noticedIn: 'tests',
  },
  'a delivery that nobody planned': {
    sql: `update deliveries set status = 'received' where payload->>'after' = (select commit from runs where id = $1::uuid)`,
    noticedIn: 'deliveries',
  },
  'an approval on record twice': {
    sql: `insert into audit_entries (at, team_id, actor, action, subject, detail, previous_hash, hash)
            select at, team_id, actor, action, subject, detail, previous_hash, hash from audit_entries
            where action = 'gate.approve' and at >= (select created_at from runs where id = $1::uuid) limit 1`,
    noticedIn: 'audit entries',
  },
  'a message that nobody carried out': {
    sql: `insert into outbox (topic, payload, available_at) select 'nobody-hears-this', jsonb_build_object('runId', $1::uuid), now() + interval '1 hour'`,
    noticedIn: 'messages on their way',
  },
};

/** Plants each difference in a transaction that is rolled back. One sentence for each that the comparison overlooks. */
export async function overlookedDifferences(database: pg.Client, runId: string): Promise<readonly string[]> {
  const should = await readRows(database, QUERIES_OF_RUN, [runId]);
  const overlooked: string[] = [];
  for (const [what, { sql, noticedIn }] of Object.entries(PLANTS)) {
    await database.query('begin');
    try {
      const { rowCount } = await database.query({ text: sql, values: [runId] });
      const differences = rowDifferences(await readRows(database, QUERIES_OF_RUN, [runId]), should);
      if ((rowCount ?? 0) === 0) overlooked.push(`${what}: there was nothing to change`);
      else if (!differences.some((difference) => difference.startsWith(`${noticedIn}: `)))
        overlooked.push(`${what}: not noticed in ${noticedIn}`);
    } finally {
      await database.query('rollback');
    }
  }
  return overlooked;
}

export const PLANTED = Object.keys(PLANTS).length;
