import { createHash } from 'node:crypto';
import { eventually } from '@sluice/testing';
import type pg from 'pg';
import { readLog } from '../scenario/read-log.ts';
import type { Scene } from '../scenario/scene.ts';
import type { World } from '../world/world.ts';
import { readDatabase } from '../world/read-database.ts';

/** What a course left, by what it is told of; without ids and times: it must be the same however often a server died. */
export type Rows = Readonly<Record<string, unknown>>;

/** From so many bytes on, the live part of a log becomes a segment. Where segments begin may differ, that they are made may not. */
const SEGMENT_BYTES = 8 * 1024 * 1024;

/** `$1` is the run's id. */
export const QUERIES_OF_RUN: Readonly<Record<string, string>> = {
  run: `select status, trust, state->'stages' as stages, state->'reason' as reason, (select count(*)::int from run_events where run_id = runs.id) = version as every_event_counted
          from runs where id = $1::uuid`,
  'run events without a gap': `select coalesce(array_agg(sequence order by sequence), '{}') = coalesce(array(select generate_series(1, max(sequence))), '{}') as gapless
          from run_events where run_id = $1::uuid`,
  // A run may miss a lane's words on the way to its end, since the lane is the truth; never its last one.
  'run events in order': `select event->>'type' as type, event->>'jobKey' as job, event->>'stage' as stage, event->>'status' as status, event->>'outcome' as outcome, event->>'environment' as environment
          from run_events where run_id = $1::uuid and not (event->>'type' = 'lane-changed' and event->>'status' not in ('passed', 'rolled-back')) order by sequence`,
  jobs: `select job.key, job.value->>'status' as status, jsonb_array_length(job.value->'attempts') as attempts
          from runs, jsonb_each(state->'jobs') job where runs.id = $1::uuid order by 1`,
  // The log of a lost attempt is kept open for a while, for a runner that comes back.
  attempts: `select job_key, number, status, reason, exit_code, result->>'outcome' as outcome, log_length > 0 as has_log, status = 'lost' or log_sealed_at is not null as sealed, status <> 'lost' and log_incomplete as incomplete, log_truncated,
          log_length - (select coalesce(sum(length), 0) from log_segments where attempt_id = attempts.id) < ${SEGMENT_BYTES} as rest_fits,
          (select count(*) from log_segments where attempt_id = attempts.id) > 0 as has_segments
          from attempts where run_id = $1::uuid order by job_key, number`,
  releases: `select run_number > 0 as numbered, route, digest = (select state->'image'->>'digest' from runs where id = $1::uuid) as of_this_image from releases where run_id = $1::uuid`,
  deployments: `select e.name as environment, d.status, jsonb_array_length(d.approvals) as approvals, d.finished_at is not null as finished, d.holder is null as let_go, d.cursor->'pending' as pending, d.reason
          from deployments d join releases r on r.id = d.release_id join environments e on e.id = d.environment_id where r.run_id = $1::uuid order by e.name`,
  lanes: `select e.name as environment, l.state->'live'->'release'->>'runId' = $1::uuid::text as this_run, jsonb_array_length(l.state->'open') as open
          from lanes l join environments e on e.id = l.environment_id where l.service_id = (select service_id from runs where id = $1::uuid) order by e.name`,
  'lane events in order': `select e.name as environment, array_agg(v.event->>'type' order by v.sequence) as types
          from lane_events v join lanes l on l.id = v.lane_id join environments e on e.id = l.environment_id
          where v.event->>'deploymentId' in (select d.id::text from deployments d join releases r on r.id = d.release_id where r.run_id = $1::uuid) group by 1 order by 1`,
  'lane events without a gap': `select bool_and(gapless) as gapless from (select array_agg(sequence order by sequence) = array(select generate_series(1, max(sequence))) as gapless
          from lane_events where lane_id in (select id from lanes where service_id = (select service_id from runs where id = $1::uuid)) group by lane_id) one`,
  tests: `select job_key, suite, name, status from test_cases where run_id = $1::uuid order by job_key, suite, name`,
  deliveries: `select status, count(*)::int as times from deliveries where payload->>'after' = (select commit from runs where id = $1::uuid) group by status order by status`,
  'runs of the commit': `select count(*)::int as times from runs where commit = (select commit from runs where id = $1::uuid)`,
  // Since the run was made: the installation belongs to this test alone.
  'audit entries': `select action, actor->>'name' as actor, split_part(subject, ':', 1) as subject, count(*)::int as times
          from audit_entries where at >= (select created_at from runs where id = $1::uuid) group by 1, 2, 3 order by 1, 2, 3`,
  'messages on their way': `select count(*)::int as times from outbox`,
};

/** `$1` is the name of the environment, `$2` of the secret. */
const QUERIES_OF_SETTINGS: Readonly<Record<string, string>> = {
  environments: `select position, settings->'gate' as gate, settings->'target'->'healthPath' as path from environments where name = $1`,
  secrets: `select s.updated_by, value_sealed <> '' as sealed from secrets s join environments e on e.id = s.environment_id where s.name = $2 and e.name = $1`,
  // Who has no answer sets a secret once more, which is on record as what it is: one made it, the others replaced it.
  'audit entries': `select action, count(*)::int as times from audit_entries
          where (subject = 'environment:' || $1 or subject = 'secret:' || $2) and coalesce(detail->>'replaced', 'false') = 'false' group by 1 order by 1`,
  'messages on their way': `select count(*)::int as times from outbox`,
};

export async function rowsOfRun(scene: Scene, runId: string, push: string): Promise<Rows> {
  await settled(scene.world, runId);
  return {
    ...(await readDatabase(scene.world, (database) => readRows(database, QUERIES_OF_RUN, [runId]))),
    logs: await logsOf(scene, push),
    containers: await containersOf(scene, push),
  };
}

/** What retention leaves of a run, and who is remembered for its commit. */
const QUERIES_OF_REMOVED: Readonly<Record<string, string>> = {
  runs: `select status, tests_removed from runs where id = $1::uuid`,
  attempts: `select job_key, status, log_length, log_sha256 is not null as has_hash, log_kept_days from attempts where run_id = $1::uuid`,
  rest: `select (select count(*)::int from log_chunks where attempt_id in (select id from attempts where run_id = $1::uuid)) as chunks,
          (select count(*)::int from log_segments where attempt_id in (select id from attempts where run_id = $1::uuid)) as segments,
          (select count(*)::int from run_events where run_id = $1::uuid) > 0 as events, (select count(*)::int from log_puts where abandoned_at is not null) as puts`,
};

export async function rowsOfRemoved({ world }: Scene, runId: string): Promise<Rows> {
  return readDatabase(world, (database) => readRows(database, QUERIES_OF_REMOVED, [runId]));
}

export async function rowsOfSettings({ world }: Scene, environment: string, secret: string): Promise<Rows> {
  await settled(world, null);
  return readDatabase(world, (database) => readRows(database, QUERIES_OF_SETTINGS, [environment, secret]));
}

/** `$1` is the id of a run. Who writes the end of a time down first, a runner or a server, is open; that it is written once is not. */
const QUERIES_OF_KEPT: Readonly<Record<string, string>> = {
  kept: `select a.job_key, a.number, k.ended_at is not null as ended, k.ended_why from kept_jobs k join attempts a on a.id = k.attempt_id where k.run_id = $1::uuid order by 1, 2`,
  shells: `select opened_by_actor->>'name' as by, closed_at is not null as closed, closed_why from debug_shells
          where attempt_id in (select attempt_id from kept_jobs where run_id = $1::uuid) order by opened_at`,
  'on record': `select action from audit_entries where action like 'debug.%' and subject in (select 'attempt:' || attempt_id from kept_jobs where run_id = $1::uuid) order by sequence`,
  'orders and output that are left': `select (select count(*)::int from shell_orders where attempt_id in (select attempt_id from kept_jobs where run_id = $1::uuid)) as orders,
          (select count(*)::int from shell_output o join debug_shells s on s.id = o.shell_id where s.attempt_id in (select attempt_id from kept_jobs where run_id = $1::uuid)) as output`,
};

/** What runs left whose containers were kept, run by run, with what a person has seen of them. */
export async function rowsOfKept({ world }: Scene, runIds: readonly string[], seen: Rows): Promise<Rows> {
  const { 'audit entries': _, ...ofRun } = QUERIES_OF_RUN;
  const rows: Record<string, unknown> = { ...seen };
  for (const [index, runId] of runIds.entries()) {
    await settled(world, runId);
    const found = await readDatabase(world, (database) =>
      readRows(database, { ...ofRun, ...QUERIES_OF_KEPT }, [runId]),
    );
    for (const [name, value] of Object.entries(found)) rows[`run ${index + 1}: ${name}`] = value;
    rows[`run ${index + 1}: containers`] = await attemptContainers(world, await attemptsOf(world, runId));
  }
  return rows;
}

async function attemptsOf(world: World, runId: string): Promise<ReadonlySet<string>> {
  return readDatabase(world, async (database) => {
    const text = 'select id from attempts where run_id = $1::uuid';
    const { rows } = await database.query<{ id: string }>({ text, values: [runId] });
    return new Set(rows.map(({ id }) => id));
  });
}

export async function readRows(
  database: pg.Client,
  queries: Readonly<Record<string, string>>,
  values: readonly string[],
): Promise<Rows> {
  const rows: Record<string, unknown> = {};
  for (const [name, text] of Object.entries(queries))
    rows[name] = timeless(
      (await database.query({ text, values: values.filter((_, index) => text.includes(`$${index + 1}`)) })).rows,
    );
  return rows;
}

/** What is still on its way (seals, messages) arrives before anything is compared. */
async function settled(world: World, runId: string | null): Promise<void> {
  await eventually(
    () =>
      readDatabase(world, async (database) => {
        const { rows } = await database.query<{ done: boolean }>({
          text: `select not exists (select 1 from outbox) and not exists (select 1 from attempts where run_id = $1::uuid and log_sealed_at is null and status <> 'lost')
                   and not exists (select 1 from deployments d join releases r on r.id = d.release_id where r.run_id = $1::uuid and d.holder is not null) as done`,
          values: [runId],
        });
        return rows[0]!.done;
      }),
    { timeoutMs: 45_000, everyMs: 100, describe: 'every log to be sealed and every message to be delivered' },
  );
}

/** Every log is read as a whole and proved by its seal; what steps printed is the same in every run. */
async function logsOf(scene: Scene, push: string): Promise<unknown[]> {
  const { commit, jobs, image, number } = await scene.run(undefined, push);
  const found: unknown[] = [];
  for (const job of jobs) {
    for (const attempt of job.attempts) {
      const bytes = await readLog(scene.world, 'vera', attempt.id);
      const seal = await readDatabase(scene.world, async (database) => {
        const { rows } = await database.query<{ log_sha256: string }>({
          text: 'select log_sha256 from attempts where id = $1::uuid',
          values: [attempt.id],
        });
        return rows[0]!.log_sha256;
      });
      const text = [commit, commit.slice(0, 12), commit.slice(0, 7), image?.digest ?? commit].reduce(
        (left, word) => left.replaceAll(word, '…'),
        bytes.toString('utf8'),
      );
      found.push({
        job: job.key,
        asSealed: attempt.status === 'lost' || createHash('sha256').update(bytes).digest('hex') === seal,
        whole: bytes.length === attempt.log.length,
        // The engine that builds an image prints ids of its own; a lost attempt ends in the middle.
        ...(job.key !== 'build/image' &&
          attempt.status !== 'lost' && { text: told(withoutTimes(text).replaceAll(`run ${number}`, 'run …')) }),
      });
    }
  }
  return found;
}

function withoutTimes(text: string): string {
  return text
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '…')
    .replace(/\b\d+(\.\d+)? ?(ms|s)\b/g, '…')
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '…');
}

/** Short texts as they are, so that a difference can be read; long ones by length and hash. */
function told(text: string): unknown {
  return text.length <= 4_000 ? text : { length: text.length, sha256: createHash('sha256').update(text).digest('hex') };
}

/** Containers of the service in the engine, stopped ones too, and what they answer. */
async function containersOf(scene: Scene, push: string): Promise<unknown> {
  const { world, mainService: service } = scene;
  const { docker } = world.parts.engine;
  const ours = (await docker.listContainers({ all: true, filters: { label: [`sluice.service=${service}`] } })).filter(
    ({ NetworkSettings }) =>
      Object.keys(NetworkSettings?.Networks ?? {}).some((name) => name.startsWith(world.network(''))),
  );
  const { commit, jobs } = await scene.run(undefined, push);
  const attempts = new Set(jobs.flatMap((job) => job.attempts.map((attempt) => attempt.id)));
  const answers = async (environment: string) => {
    const port = scene.environment(environment).ports[service];
    const answer = await fetch(`http://127.0.0.1:${port}/version`).then((response) => response.text());
    return answer.trim() === commit ? 'this commit' : 'another commit';
  };
  return {
    ofLanes: ours.map(({ Labels, State }) => `${Labels['sluice.environment']} ${State}`).toSorted(),
    ofAttempts: await attemptContainers(world, attempts),
    staging: await answers('staging'),
    production: await answers('production'),
  };
}

/** What of these attempts the engine still has when it had time to remove it. */
async function attemptContainers({ parts }: World, attempts: ReadonlySet<string>): Promise<string> {
  let left: string[] = [];
  await eventually(
    async () => {
      const all = await parts.engine.docker.listContainers({ all: true, filters: { label: ['sluice.attempt'] } });
      left = all.filter(({ Labels }) => attempts.has(Labels['sluice.attempt'] ?? '')).flatMap(({ Names }) => Names);
      return left.length === 0;
    },
    { timeoutMs: 15_000, everyMs: 200 },
  ).catch(() => undefined);
  return left.join(', ') || 'none';
}

/** Where two sets of rows differ, one sentence each. */
export function rowDifferences(is: Rows, should: Rows): string[] {
  return [...new Set([...Object.keys(should), ...Object.keys(is)])].flatMap((name) =>
    JSON.stringify(is[name]) === JSON.stringify(should[name])
      ? []
      : [`${name}: ${JSON.stringify(is[name])}, undisturbed it is ${JSON.stringify(should[name])}`],
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
