import type pg from 'pg';
import { readLog } from '../scenario/read-log.ts';
import { readDatabase } from '../world/read-database.ts';
import type { World } from '../world/world.ts';
import type { LaneContainer, Stored, StoredAttempt, StoredRun } from './stored.ts';

const UNENDED = ['queued', 'waiting', 'running'];

/** Reads everything that is compared: rows from the database itself, logs and waiting causes as the product shows them. */
export async function readStored(world: World): Promise<Stored> {
  const rows = await readDatabase(world, readRows);
  const runs: StoredRun[] = [];
  for (const run of rows.runs) runs.push({ ...run, waitsFor: await waitsFor(world, run) });
  const attempts: StoredAttempt[] = [];
  for (const attempt of rows.attempts) attempts.push({ ...attempt, log: await readLog(world, 'vera', attempt.id) });
  const identities = world.runners.map((runner) => runner.identity());
  const containers = await laneContainers(world);
  // What runners keep for the next job ends with them.
  await Promise.all(world.runners.map((runner) => runner.stop()));
  return { ...rows, runs, attempts, containers, leftovers: await leftovers(world, identities) };
}

async function readRows(database: pg.Client) {
  const all = async <T extends pg.QueryResultRow>(text: string) => (await database.query<T>(text)).rows;
  return {
    deliveries: await all<Stored['deliveries'][number]>(
      `select id, status, outcome->>'message' as message from deliveries`,
    ),
    runs: await all<Omit<StoredRun, 'waitsFor'>>(
      `select r.id, s.slug as service, r.commit, r.number, r.status, r.version, r.dedupe_key is not null as pushed
       from runs r join services s on s.id = r.service_id order by s.slug, r.number`,
    ),
    runEvents: await all<Stored['runEvents'][number]>(
      `select run_id as run, sequence, event->>'type' as type, event->>'stage' as stage, event->>'status' as status
       from run_events order by run_id, sequence`,
    ),
    attempts: await all<Omit<StoredAttempt, 'log'>>(
      `select id, run_id as run, job_key as job, number, status, epoch, log_sha256 as "sealedSha256",
              case when result is null then null else jsonb_build_object('outcome', result->'outcome', 'logSha256', result->'log'->'sha256') end as result
       from attempts order by run_id, job_key, number`,
    ),
    lanes: await all<Stored['lanes'][number]>(
      `select l.id, s.slug as service, e.name as environment, l.version, l.state->'live'->>'deploymentId' as "liveDeployment",
              (select coalesce(jsonb_agg(jsonb_build_object('id', open->'id', 'status', open->'status')), '[]') from jsonb_array_elements(l.state->'open') open) as open
       from lanes l join services s on s.id = l.service_id join environments e on e.id = l.environment_id`,
    ),
    laneEvents: await all<Stored['laneEvents'][number]>(
      `select lane_id as lane, sequence, event->>'type' as type,
              coalesce(event->>'deploymentId', event->'deployment'->>'id') as deployment,
              coalesce(event->'approval'->>'userId', event->'by'->>'userId') as "userId"
       from lane_events order by lane_id, sequence`,
    ),
    kept: await all<Stored['kept'][number]>(
      `select attempt_id as attempt, ended_at is not null as "hasEnded",
              (select coalesce(jsonb_agg(concat_ws(' ', action, detail->>'shell') order by sequence), '[]') from audit_entries
               where subject = 'attempt:' || attempt_id and action like 'debug.%') as "onRecord",
              (select coalesce(jsonb_agg(jsonb_build_object('id', id, 'isClosed', closed_at is not null)), '[]') from debug_shells s
               where s.attempt_id = k.attempt_id) as shells
       from kept_jobs k`,
    ),
    outbox: (await all<{ times: number }>(`select count(*)::int as times from outbox`))[0]!.times,
  };
}

/** By its own word, of the run, its jobs and its lanes. */
async function waitsFor(world: World, run: Omit<StoredRun, 'waitsFor'>): Promise<string[]> {
  if (!UNENDED.includes(run.status)) return [];
  const { waiting, jobs, lanes } = await world.api('vera').runs.getRun({ service: run.service, number: run.number });
  const named = [waiting, ...jobs.map((job) => job.waiting), ...lanes.map((lane) => lane.waiting)];
  return [...new Set(named.flatMap((cause) => (cause ? [cause.code] : [])))];
}

async function laneContainers(world: World): Promise<LaneContainer[]> {
  const { docker } = world.parts.engine;
  const found = await docker.listContainers({ all: true, filters: { label: ['sluice.environment'] } });
  return found
    .filter(({ NetworkSettings }) =>
      Object.keys(NetworkSettings?.Networks ?? {}).some((name) => name.startsWith(world.network(''))),
    )
    .map(({ Labels, State }) => ({
      service: Labels['sluice.service'] ?? '',
      environment: Labels['sluice.environment'] ?? '',
      deployment: Labels['sluice.deployment'] ?? '',
      isRunning: State === 'running',
    }));
}

/** Everything in the engine that carries the label of one of these runners. */
async function leftovers(world: World, runners: readonly string[]): Promise<string[]> {
  const { docker } = world.parts.engine;
  const left: string[] = [];
  for (const runner of runners) {
    const filters = { label: [`sluice.runner=${runner}`] };
    const [containers, networks, volumes] = await Promise.all([
      docker.listContainers({ all: true, filters }),
      docker.listNetworks({ filters }),
      docker.listVolumes({ filters }),
    ]);
    left.push(
      ...containers.map(({ Names, State }) => `the container ${Names[0]} (${State})`),
      ...networks.map(({ Name }) => `the network ${Name}`),
      ...volumes.Volumes.map(({ Name }) => `the volume ${Name}`),
    );
  }
  return left;
}
