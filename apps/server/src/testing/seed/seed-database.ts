import { createHash } from 'node:crypto';
import pg from 'pg';
import { environmentSettings } from '@sluice/protocol';
import { UuidV7 } from '../../platform/clock/system-clock.ts';
import { ENVIRONMENTS, runTemplate, TOLD, type RunTemplate } from './run-template.ts';
import { SeedLane } from './seed-lane.ts';
import { writersOf, type Writers } from './tables.ts';

export interface SeedSize {
  readonly runs: number;
  /** Of runs; as near as whole jobs allow. */
  readonly events: number;
  readonly services: number;
}

const TEAMS = 10;
/** Events gathered before all tables are written; more make it slower again. */
const ROWS_TOGETHER = 5_000;
const SERVICES_A_REPOSITORY = 50;
const DAYS = 60;
/** Of ten runs of a service one fails, and three are released. */
const TENTHS = { failed: [4], released: [2, 6, 9] };
const EMPTY_SHA256 = createHash('sha256').digest('hex');
const SETTINGS = environmentSettings.parse({ target: { kind: 'docker', engine: 'unix:///var/run/docker.sock' } });
const SETTINGS_TEXT = JSON.stringify(SETTINGS);
const SETTINGS_HASH = createHash('sha256').update(SETTINGS_TEXT).digest('hex');

/** What the first job of a released run reports. */
const TESTS = { passed: 3, failed: 0, skipped: 0 };
const REPORT = 'reports/unit.xml';

const ids = new UuidV7();

interface Shapes {
  readonly plain: RunTemplate;
  readonly failed: RunTemplate;
  readonly released: RunTemplate;
}

/**
 * Fills a migrated database with teams, services, and runs that have all ended: what the engine decides for a few runs is written
 * again and again under other ids and times, lanes are decided one by one. Whoever has an account becomes admin of the teams.
 */
export async function seedDatabase(
  connectionString: string,
  size: SeedSize,
  say: (line: string) => void = () => undefined,
): Promise<Record<keyof Writers, number>> {
  const client = new pg.Client({ connectionString, application_name: 'sluice seed' });
  await client.connect();
  try {
    await refuseTwice(client);
    // A crash while seeding means seeding anew.
    await client.query('set synchronous_commit = off');
    const writers = writersOf(client);
    const { rows: users } = await client.query<{ id: string }>('select id from users');
    const shapes = shapesFor(size);
    let [service, run] = [0, 0];
    for (let team = 1; team <= TEAMS; team += 1) {
      const place = addTeam(
        writers,
        team,
        users.map(({ id }) => id),
      );
      const lastService = Math.floor((size.services * team) / TEAMS);
      for (; service < lastService; service += 1) {
        const lastRun = Math.floor((size.runs * (service + 1)) / size.services);
        if (place.services++ % SERVICES_A_REPOSITORY === 0) addRepository(writers, place);
        addService(writers, place, service + 1, lastRun - run, shapes);
        run = lastRun;
        // Whole services only: what refers to each other goes together.
        if (writers.run_events.waiting >= ROWS_TOGETHER) await flush(writers);
      }
      say(`team ${team} of ${TEAMS}: ${run} runs, ${writers.run_events.written} events`);
    }
    await flush(writers);
    await client.query('analyze');
    return Object.fromEntries(Object.entries(writers).map(([table, { written }]) => [table, written])) as Record<
      keyof Writers,
      number
    >;
  } finally {
    await client.end();
  }
}

async function refuseTwice(client: pg.Client): Promise<void> {
  const { rowCount } = await client.query(`select 1 from teams where slug = 'seed-1'`);
  if (rowCount !== 0) throw new Error('This database is seeded already; take a new one.');
}

async function flush(writers: Writers): Promise<void> {
  for (const writer of Object.values(writers)) await writer.flush();
}

function shapesFor({ runs, events }: SeedSize): Shapes {
  let shapes: Shapes | undefined;
  for (let jobs = 1; ; jobs += 1) {
    const next: Shapes = {
      plain: runTemplate({ jobs, released: false, outcome: 'passed' }),
      failed: runTemplate({ jobs, released: false, outcome: 'failed' }),
      released: runTemplate({ jobs: Math.ceil(jobs / 2), released: true, outcome: 'passed' }),
    };
    const [failed, released] = [TENTHS.failed.length, TENTHS.released.length];
    const average =
      (next.plain.version * (10 - failed - released) +
        next.failed.version * failed +
        next.released.version * released) /
      10;
    if (shapes && average * runs > events) return shapes;
    shapes = next;
    if (average * runs >= events) return shapes;
  }
}

interface Place {
  readonly teamId: string;
  readonly slug: string;
  readonly environments: readonly string[];
  services: number;
  repositoryId: string;
  hookId: string;
}

function addTeam(writers: Writers, number: number, userIds: readonly string[]): Place {
  const [teamId, slug] = [ids.next(), `seed-${number}`];
  writers.teams.add({ id: teamId, slug, title: `Seed ${number}` });
  for (const user of userIds) writers.memberships.add({ team_id: teamId, user_id: user, role: 'admin' });
  const environments = ENVIRONMENTS.map(() => ids.next());
  for (const [position, id] of environments.entries())
    writers.environments.add({
      id,
      team_id: teamId,
      name: ENVIRONMENTS[position],
      position,
      settings: SETTINGS_TEXT,
      settings_hash: SETTINGS_HASH,
    });
  return { teamId, slug, environments, services: 0, repositoryId: '', hookId: '' };
}

function addRepository(writers: Writers, place: Place): void {
  place.repositoryId = ids.next();
  place.hookId = ids.next();
  writers.repositories.add({
    id: place.repositoryId,
    team_id: place.teamId,
    url: `https://git.example.com/${place.slug}/${place.services}.git`,
    kind: 'git',
    default_branch: 'main',
  });
  // No hook of a seeded repository can be called: nobody knows a secret that opens this.
  writers.hooks.add({
    id: place.hookId,
    team_id: place.teamId,
    repository_id: place.repositoryId,
    secret_sealed: 'seeded',
  });
}

function addService(writers: Writers, place: Place, number: number, runs: number, shapes: Shapes): void {
  const [serviceId, slug] = [ids.next(), `seed-service-${number}`];
  writers.services.add({
    id: serviceId,
    team_id: place.teamId,
    slug,
    repository_id: place.repositoryId,
    path: slug,
    next_run_number: runs + 1,
  });
  const begin = Date.now() - DAYS * 86_400_000;
  const lanes = ENVIRONMENTS.map(
    (environment, index) =>
      new SeedLane(
        { laneId: ids.next(), teamId: place.teamId, serviceId, environment },
        { gate: SETTINGS.gate, settingsHash: SETTINGS_HASH },
        new Date(begin + index).toISOString(),
      ),
  );
  for (let nth = 1; nth <= runs; nth += 1) {
    const startedAt = Math.round(begin + ((nth - 0.5 + (number % 7) / 20) / runs) * DAYS * 86_400_000 * 0.99);
    const shape = TENTHS.released.includes(nth % 10)
      ? shapes.released
      : TENTHS.failed.includes(nth % 10)
        ? shapes.failed
        : shapes.plain;
    addRun(writers, place, { serviceId, slug, number: nth, startedAt }, shape, lanes);
  }
  for (const [index, lane] of lanes.entries()) {
    const { state, events } = lane;
    writers.lanes.add({
      id: state.laneId,
      team_id: place.teamId,
      service_id: serviceId,
      environment_id: place.environments[index],
      version: state.version,
      state: JSON.stringify(state),
    });
    for (const [at, event] of events.entries())
      writers.lane_events.add({
        lane_id: state.laneId,
        sequence: at + 1,
        at: event.at,
        event: JSON.stringify(event),
      });
  }
}

function addRun(
  writers: Writers,
  place: Place,
  run: { serviceId: string; slug: string; number: number; startedAt: number },
  shape: RunTemplate,
  lanes: readonly SeedLane[],
): void {
  const { teamId } = place;
  const { serviceId, number, startedAt } = run;
  const runId = ids.next();
  const commit = createHash('sha1').update(runId).digest('hex');
  const digest = createHash('sha256').update(runId).digest('hex');
  const releaseId = ids.next();
  const deploymentIds = ENVIRONMENTS.map(() => ids.next());
  const at = (offset: number) => new Date(startedAt + offset).toISOString();
  const numbers = [number];
  const image = { repository: 'registry.example.com/seed', digest: `sha256:${digest}` };
  const binding = createHash('sha256').update([image.digest, shape.planHash, SETTINGS_HASH].join('\n')).digest('hex');
  if (shape.released) {
    const steps = shape.endsAfter - shape.releasedAfter;
    for (const [index, lane] of lanes.entries()) {
      const replaced = lane.state.live?.deploymentId ?? null;
      const [started, ended] = [0.5, 1].map((part) =>
        at(shape.releasedAfter + (steps * (index + part)) / lanes.length),
      ) as [string, string];
      const release = { releaseId, runId, runNumber: number, commit, image, planHash: shape.planHash };
      numbers.push(...lane.release(deploymentIds[index]!, release, binding, started, ended));
      writers.deployments.add({
        id: deploymentIds[index],
        team_id: teamId,
        lane_id: lane.state.laneId,
        service_id: serviceId,
        environment_id: place.environments[index],
        release_id: releaseId,
        status: TOLD.at(-1),
        requested_by: '{"kind":"forge","name":"ann"}',
        binding,
        settings: SETTINGS_TEXT,
        target_events: JSON.stringify([{ at: started, text: 'The new container is healthy.' }]),
        replaced_deployment_id: replaced,
        entered_at: started,
        started_at: started,
        finished_at: ended,
      });
    }
    writers.releases.add({
      id: releaseId,
      team_id: teamId,
      service_id: serviceId,
      run_id: runId,
      run_number: number,
      commit,
      ...image,
      plan_hash: shape.planHash,
      route: JSON.stringify(ENVIRONMENTS),
      evidence: JSON.stringify({ image, tests: TESTS, by: [{ part: 'pushed', identity: 'ann' }] }),
      created_at: at(shape.releasedAfter),
    });
  }
  const words = new Map([
    ['run', runId],
    ['team', teamId],
    ['service', serviceId],
    ['commit', commit],
    ['digest', digest],
    ['release', releaseId],
    ...deploymentIds.map((id, index) => [`deployment${index}`, id] as const),
    ...shape.attempts.map(({ word }) => [word, ids.next()] as const),
  ]);
  const values = { words, numbers, startedAt };
  writers.runs.add({
    id: runId,
    team_id: teamId,
    service_id: serviceId,
    number,
    status: shape.status,
    version: shape.version,
    ref: 'refs/heads/main',
    commit,
    trust: 'trusted',
    dedupe_key: `push:refs/heads/main:${commit}`,
    definition: JSON.stringify({ ...shape.definition, service: run.slug }),
    definition_text: shape.definitionText.replace('service: seed', `service: ${run.slug}`),
    plan_hash: shape.planHash,
    state: shape.state.render(values),
    release_id: shape.released ? releaseId : null,
    created_at: at(shape.events[0]!.offset),
    finished_at: at(shape.endsAfter),
  });
  for (const [index, { offset, event }] of shape.events.entries())
    writers.run_events.add({ run_id: runId, sequence: index + 1, at: at(offset), event: event.render(values) });
  for (const attempt of shape.attempts)
    writers.attempts.add({
      id: words.get(attempt.word),
      team_id: teamId,
      run_id: runId,
      service_id: serviceId,
      job_key: attempt.jobKey,
      number: attempt.number,
      trust: 'trusted',
      status: attempt.status,
      epoch: 1,
      queued_at: at(shape.events[0]!.offset),
      started_at: at(shape.events[1]!.offset),
      finished_at: at(shape.endsAfter),
      exit_code: attempt.exitCode ?? null,
      log_sha256: EMPTY_SHA256,
      log_sealed_at: at(shape.endsAfter),
    });
  if (shape.released) addTests(writers, words.get(shape.attempts[0]!.word)!, runId, serviceId, at(shape.releasedAfter));
  writers.deliveries.add({
    id: ids.next(),
    team_id: teamId,
    hook_id: place.hookId,
    repository_id: place.repositoryId,
    delivery_key: runId,
    event: 'push',
    ref: 'refs/heads/main',
    content_key: commit,
    payload: JSON.stringify({ before: null, after: commit, pusher: 'ann' }),
    received_at: at(0),
    status: 'planned',
    outcome: JSON.stringify({ message: '1 run', runs: [{ service: run.slug, runId, number }] }),
  });
}

function addTests(writers: Writers, attemptId: string, runId: string, serviceId: string, receivedAt: string): void {
  const { passed } = TESTS;
  writers.test_reports.add({
    attempt_id: attemptId,
    file: REPORT,
    bytes: 900,
    cases: passed,
    received_at: receivedAt,
  });
  for (let ordinal = 0; ordinal < passed; ordinal += 1)
    writers.test_cases.add({
      attempt_id: attemptId,
      run_id: runId,
      service_id: serviceId,
      job_key: 'commit/job-1',
      file: REPORT,
      ordinal,
      suite: 'prices',
      name: `adds up, case ${ordinal + 1}`,
      status: 'passed',
      seconds: 0.01,
    });
}
