import { sql } from 'kysely';
import type { RetentionLimits } from '../../../platform/config/config.ts';
import { json } from '../../../platform/db/database.ts';
import type { DeploymentStatus } from '@sluice/engine';
import type { TestDatabase } from '../../../platform/db/testing/test-database.ts';
import { MemoryBlobs } from '../../../testing/memory-blobs.ts';
import { PipelineRows, type TestTeam } from '../../../testing/pipeline-rows.ts';
import { Audit, ChainHead, TrimAudit } from '../../audit/index.ts';
import { LogSettings, RemoveOrphans } from '../../logs/index.ts';
import { RemoveDeliveries } from '../remove-deliveries.ts';
import { RemoveFiles } from '../remove-files.ts';
import { RemoveLogs } from '../remove-logs.ts';
import { RemoveRuns } from '../remove-runs.ts';
import { RemoveSmallRows } from '../remove-small-rows.ts';
import { RemoveTests } from '../remove-tests.ts';
import { Retention } from '../retention.ts';
import { SweepRetention, type SweepResult } from '../sweep-retention.ts';

export const LIMITS: RetentionLimits = {
  runDays: 100,
  runsMost: 1_000,
  logDays: 30,
  testDays: 40,
  deploymentEventDays: 50,
  deliveryDays: 60,
  auditDays: 365,
  accessDays: 10,
  messageDays: 20,
};

/** Retention as one server process has it, over rows whose age the spec decides. */
export class RetentionWorld {
  readonly rows: PipelineRows;
  readonly blobs: MemoryBlobs;
  readonly sweeper: SweepRetention;
  readonly #database: TestDatabase;

  constructor(database: TestDatabase, { blobs = new MemoryBlobs(), limits = LIMITS } = {}) {
    const { db, transactions } = database;
    this.#database = database;
    this.blobs = blobs;
    this.rows = new PipelineRows(database);
    const head = new ChainHead(Buffer.alloc(32, 1));
    this.sweeper = new SweepRetention(
      db,
      transactions,
      this.rows.ids,
      new Retention({ ...limits, on: true }),
      new RemoveRuns(db, transactions),
      new RemoveLogs(db, transactions),
      new RemoveTests(db),
      new RemoveFiles(db),
      new RemoveDeliveries(db, transactions),
      new RemoveSmallRows(db),
      new TrimAudit(db, transactions, head, new Audit(head)),
      new RemoveOrphans(db, blobs, new LogSettings()),
    );
  }

  async sweep(): Promise<SweepResult> {
    const result = await this.sweeper.sweep({ now: true });
    if (!result) throw new Error('another sweep goes on');
    return result;
  }

  /** A run that ended so many days ago, refused for its definition, with as many newer ones as keep none of their own. */
  async endedRun(team: TestTeam, daysAgo: number): Promise<string> {
    const id = await this.rows.run(team, 'commit: nothing\n');
    await sql`update runs set finished_at = now() - ${daysAgo} * interval '1 day' where id = ${id}`.execute(
      this.#database.db,
    );
    return id;
  }

  /** As if the service had made so many runs since. */
  async runsSince(team: TestTeam, count: number): Promise<void> {
    await sql`update services set next_run_number = next_run_number + ${count} where id = ${team.serviceId}`.execute(
      this.#database.db,
    );
  }

  /** An ended attempt with a sealed log: one segment in the blob store, and a rest in the database. */
  async endedAttempt(team: TestTeam, runId: string, daysAgo: number): Promise<{ id: string; blobKey: string }> {
    const { db } = this.#database;
    const id = this.rows.ids.next();
    const blobKey = `logs/${id}/0-4-${id}`;
    await db
      .insertInto('attempts')
      .values({
        id,
        team_id: team.teamId,
        run_id: runId,
        service_id: team.serviceId,
        job_key: `commit/${id.slice(-6)}`,
        number: 1,
        pool_id: null,
        trust: 'trusted',
        status: 'passed',
        runner_id: null,
        poll_id: null,
        exit_code: 0,
        log_length: 6,
        log_sha256: 'f'.repeat(64),
        finished_at: sql<Date>`now() - ${daysAgo} * interval '1 day'`,
        log_sealed_at: sql<Date>`now() - ${daysAgo} * interval '1 day'`,
      })
      .execute();
    await this.blobs.put(blobKey, Buffer.from('four'));
    await db
      .insertInto('log_segments')
      .values({ attempt_id: id, start_offset: 0, length: 4, sha256: 'x', blob_key: blobKey, newlines: 0 })
      .execute();
    await db
      .insertInto('log_chunks')
      .values({ attempt_id: id, start_offset: 4, bytes: Buffer.from('xx'), newlines: 0 })
      .execute();
    return { id, blobKey };
  }

  async environment(team: TestTeam): Promise<{ environmentId: string; laneId: string }> {
    const { db } = this.#database;
    const [environmentId, laneId] = [this.rows.ids.next(), this.rows.ids.next()];
    await db
      .insertInto('environments')
      .values({
        id: environmentId,
        team_id: team.teamId,
        name: `env-${environmentId.slice(-8)}`,
        settings: '{}',
        settings_hash: '',
      })
      .execute();
    await db
      .insertInto('lanes')
      .values({
        id: laneId,
        team_id: team.teamId,
        service_id: team.serviceId,
        environment_id: environmentId,
        version: 1,
        state: '{}',
      })
      .execute();
    return { environmentId, laneId };
  }

  /** The release of a run and its deployment in a lane. */
  async deployment(
    team: TestTeam,
    runId: string,
    { environmentId, laneId }: { environmentId: string; laneId: string },
    { status, daysAgo }: { status: DeploymentStatus; daysAgo: number },
  ): Promise<{ releaseId: string; deploymentId: string }> {
    const { db } = this.#database;
    const [releaseId, deploymentId] = [this.rows.ids.next(), this.rows.ids.next()];
    const at = sql<Date>`now() - ${daysAgo} * interval '1 day'`;
    await db
      .insertInto('releases')
      .values({
        id: releaseId,
        team_id: team.teamId,
        service_id: team.serviceId,
        run_id: runId,
        run_number: 1,
        commit: 'a'.repeat(40),
        repository: 'r',
        digest: 'd',
        plan_hash: '',
        route: '[]',
        evidence: '{}',
      })
      .execute();
    await db
      .insertInto('deployments')
      .values({
        id: deploymentId,
        team_id: team.teamId,
        lane_id: laneId,
        service_id: team.serviceId,
        environment_id: environmentId,
        release_id: releaseId,
        status,
        requested_by: json({ kind: 'system', name: 'x' }),
        binding: '',
        settings: '{}',
        target_events: json([{ at: '2026-01-01T00:00:00.000Z', text: 'pulled' }]),
        replaced_deployment_id: null,
        holder: null,
        entered_at: at,
        finished_at: ['waiting', 'running', 'unknown'].includes(status) ? null : at,
      })
      .execute();
    return { releaseId, deploymentId };
  }

  async exists(table: 'runs' | 'attempts' | 'artifacts' | 'deployments' | 'deliveries', id: string): Promise<boolean> {
    const { rows } = await sql`select from ${sql.table(table)} where id = ${id}`.execute(this.#database.db);
    return rows.length === 1;
  }
}
