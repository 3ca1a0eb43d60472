import { Kysely, PostgresDialect, sql } from 'kysely';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ListReports } from '../../features/artifacts/list-reports.ts';
import { ListAudit } from '../../features/audit/list-audit.ts';
import { ListRepositories } from '../../features/catalog/list-repositories.ts';
import { ReadApprovals } from '../../features/lanes/read-approvals.ts';
import { ReadDeployment } from '../../features/lanes/read-deployment.ts';
import { ListRuns } from '../../features/runs/list-runs.ts';
import { LaneSummaries } from '../../features/runs/lane-summaries.ts';
import { ReadBoard } from '../../features/runs/read-board.ts';
import { ExplainQueue } from '../../features/runs/explain-queue.ts';
import { ReadRun } from '../../features/runs/read-run.ts';
import type { Tables } from '../../platform/db/schema.ts';
import { testDatabase, type TestDatabase } from '../../platform/db/testing/test-database.ts';
import type { UserPrincipal } from '../../platform/http/principal.ts';
import { seedDatabase } from './seed-database.ts';

/** Tables that grow with every push: no page may read one of them from end to end. */
const GROWING = [
  'runs',
  'run_events',
  'attempts',
  'deliveries',
  'releases',
  'deployments',
  'lane_events',
  'test_cases',
  'test_reports',
  'audit_entries',
  'log_segments',
  'log_chunks',
];

interface Asked {
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

let database: TestDatabase;
let db: Kysely<Tables>;
let asked: Asked[] = [];
let person: UserPrincipal;
beforeAll(async () => {
  database = await testDatabase();
  await seedDatabase(database.url, { runs: 8_000, events: 100_000, services: 800 });
  db = new Kysely<Tables>({
    dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: database.url, max: 4 }) }),
    log: ({ query }) => void asked.push({ sql: query.sql, parameters: query.parameters }),
  });
  const teams = await database.db.selectFrom('teams').selectAll().orderBy('slug').execute();
  person = {
    kind: 'user',
    userId: '00000000-0000-7000-8000-000000000001',
    name: 'Ada',
    email: 'ada@example.com',
    systemAdmin: true,
    memberships: teams.map(({ id, slug, title }) => ({ teamId: id, team: slug, title, role: 'admin' })),
    via: 'session',
    scopes: [],
  };
}, 300_000);
afterAll(async () => {
  await db.destroy();
  await database.close();
});

interface Plan {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly Plans?: readonly Plan[];
}

const nodesOf = (plan: Plan): Plan[] => [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];

/** Growing tables that the queries of this work read from end to end, and how many queries there were. */
async function watched(work: () => Promise<unknown>): Promise<{ scanned: string[]; queries: number }> {
  asked = [];
  await work();
  const queries = asked;
  const scanned: string[] = [];
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  try {
    for (const query of queries) {
      const { rows } = await client.query<{ 'QUERY PLAN': { Plan: Plan }[] }>(`explain (format json) ${query.sql}`, [
        ...query.parameters,
      ]);
      for (const node of nodesOf(rows[0]!['QUERY PLAN'][0]!.Plan))
        if (node['Node Type'].includes('Seq Scan') && GROWING.includes(node['Relation Name'] ?? ''))
          scanned.push(`${node['Relation Name']}: ${query.sql}`);
    }
  } finally {
    await client.end();
  }
  return { scanned, queries: queries.length };
}

describe('with 8,000 runs, no page reads a growing table from end to end', () => {
  it('the board, in as many queries as with one service', async () => {
    const board = new ReadBoard(db, new LaneSummaries(db));
    const all = await watched(() => board.board(person));
    expect(all.scanned).toEqual([]);
    expect((await watched(() => board.service(person, 'seed-service-1'))).scanned).toEqual([]);
    const one = await watched(() => board.board({ ...person, memberships: [] }));
    expect(all.queries).toBeLessThanOrEqual(one.queries + 6);
    // What did not change is not read again.
    const again = await watched(() => board.board(person));
    expect(again.queries).toBe(all.queries - 2);
  });

  it('runs of a service, their first page and one far behind', async () => {
    const runs = new ListRuns(db);
    for (const cursor of [undefined, '12'])
      expect((await watched(() => runs.list(person, { service: 'seed-service-7', cursor }))).scanned).toEqual([]);
  });

  it('a run, its events, its tests and its report files', async () => {
    const run = new ReadRun(db, new ExplainQueue(db));
    const { id } = await run.byNumber(person, 'seed-service-7', 6);
    const reads = [
      () => run.byNumber(person, 'seed-service-7', 6),
      () => run.events(person, id),
      () => run.tests(person, id),
      () => new ListReports(db).list(person, id),
    ];
    for (const read of reads) expect((await watched(read)).scanned).toEqual([]);
  });

  it('the queue: the same few queries, however many jobs of a run wait', async () => {
    const { id } = await db.selectFrom('runs').select('id').limit(1).executeTakeFirstOrThrow();
    const pool = '00000000-0000-7000-8000-00000000000a';
    await sql`insert into pools (id, name, trust) values (${pool}, 'seed', 'trusted')`.execute(database.db);
    await sql`insert into attempts (id, team_id, run_id, service_id, job_key, number, trust, pool_id, queued_at)
      select gen_random_uuid(), team_id, id, service_id, 'commit/waits-' || n, 1, 'trusted', ${pool}, now() + n * interval '1 ms'
      from runs, generate_series(1, 200) n where id = ${id}`.execute(database.db);
    await sql`analyze attempts`.execute(database.db);
    const waiting = await db
      .selectFrom('attempts')
      .selectAll()
      .where('status', '=', 'queued')
      .orderBy('queued_at')
      .execute();
    const explain = new ExplainQueue(db);
    let causes: Awaited<ReturnType<ExplainQueue['explain']>> | undefined;
    const one = await watched(() => explain.explain(waiting.slice(0, 1)));
    const all = await watched(async () => (causes = await explain.explain(waiting)));
    expect(all.scanned).toEqual([]);
    expect(all.queries).toBe(one.queries);
    expect(causes!.size).toBe(200);
  });

  it('lanes, and a deployment', async () => {
    const read = new ReadDeployment(db, new LaneSummaries(db), {} as never);
    const lanes = await watched(() => read.lanes(person));
    expect(lanes).toEqual({ scanned: [], queries: 4 });
    expect(await watched(() => read.lanes(person))).toEqual({ scanned: [], queries: 3 });
    const [lane] = await read.lanes(person, 'seed-1');
    expect((await watched(() => read.one(person, lane!.live!.deploymentId))).scanned).toEqual([]);
  });

  it('gates that wait and gates that are decided', async () => {
    const never = {} as never;
    const approvals = new ReadApprovals(db, never, never, never);
    for (const show of ['all', 'decided'] as const) {
      const { scanned, queries } = await watched(() => approvals.list(person, show));
      expect({ scanned, queries }).toEqual({ scanned: [], queries: 2 });
    }
  });

  it('repositories with their last delivery, and the audit trail', async () => {
    expect((await watched(() => new ListRepositories(db).list(person, 'seed-1'))).scanned).toEqual([]);
    await sql`insert into audit_entries (team_id, actor, action, subject, previous_hash, hash)
      select teams.id, '{"kind":"system","name":"x"}', 'a', 's', '', '' from teams, generate_series(1, 2000)`.execute(
      database.db,
    );
    await sql`analyze audit_entries`.execute(database.db);
    expect((await watched(() => new ListAudit(db).list(person, { team: 'seed-1' }))).scanned).toEqual([]);
  });
});
