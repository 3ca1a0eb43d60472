import type { TestDatabase } from '../../../platform/db/testing/test-database.ts';
import { UuidV7 } from '../../../platform/clock/system-clock.ts';
import { AppendLog } from '../append-log.ts';
import { FindLines } from '../find-lines.ts';
import { LiveSignals } from '../live-signals.port.ts';
import { LogHashes } from '../log-hashes.ts';
import type { LogHolder } from '../log-holder.ts';
import { LogPieces } from '../log-pieces.ts';
import { LogReader } from '../log-reader.ts';
import { LogSettings } from '../log-settings.ts';
import { SealLog } from '../seal-log.ts';
import { RemoveOrphans } from '../remove-orphans.ts';
import { SearchLog } from '../search-log.ts';
import { StoreSegment } from '../store-segment.ts';
import { MemoryBlobs } from '../../../testing/memory-blobs.ts';
import { PipelineRows } from '../../../testing/pipeline-rows.ts';

class NotedSignals extends LiveSignals {
  readonly seen: [attemptId: string, length: number, sealed: boolean][] = [];
  override logGrew(attemptId: string, length: number, sealed: boolean): void {
    this.seen.push([attemptId, length, sealed]);
  }
}

/** The logs feature as one server process has it. Processes of one spec share database and blobs. */
export class LogBench {
  readonly live = new NotedSignals();
  readonly reader: LogReader;
  readonly seal: SealLog;
  readonly append: AppendLog;
  readonly segments: StoreSegment;
  readonly lines: FindLines;
  readonly search: SearchLog;
  readonly orphans: RemoveOrphans;
  readonly #database: TestDatabase;

  constructor(database: TestDatabase, settings: LogSettings, blobs: MemoryBlobs = new MemoryBlobs()) {
    const hashes = new LogHashes();
    this.#database = database;
    this.reader = new LogReader(database.db, blobs);
    const pieces = new LogPieces(database.db, this.reader);
    this.lines = new FindLines(pieces, this.reader);
    this.search = new SearchLog(pieces, this.reader);
    this.orphans = new RemoveOrphans(database.db, blobs, settings);
    this.segments = new StoreSegment(database.db, database.transactions, blobs, this.reader, new UuidV7(), settings);
    this.seal = new SealLog(database.db, this.reader, hashes, this.segments, this.live, settings);
    this.append = new AppendLog(
      database.transactions,
      this.reader,
      this.segments,
      this.seal,
      hashes,
      this.live,
      settings,
    );
  }

  async text(attemptId: string, from = 0, to?: number): Promise<Buffer> {
    const end = to ?? (await this.length(attemptId));
    const pieces: Buffer[] = [];
    for await (const bytes of this.reader.read(attemptId, from, end)) pieces.push(bytes);
    return Buffer.concat(pieces);
  }

  async length(attemptId: string): Promise<number> {
    const row = await this.#database.db
      .selectFrom('attempts')
      .select('log_length')
      .where('id', '=', attemptId)
      .executeTakeFirstOrThrow();
    return row.log_length;
  }
}

/** An attempt with a lease, made without a run's history: logs do not look at it. */
export async function leasedAttempt(database: TestDatabase): Promise<LogHolder> {
  const { db } = database;
  const rows = new PipelineRows(database);
  const { teamId: team, serviceId: service } = await rows.team();
  const [run, attempt] = [rows.ids.next(), rows.ids.next()];
  await db
    .insertInto('runs')
    .values({
      id: run,
      team_id: team,
      service_id: service,
      number: 1,
      status: 'running',
      version: 1,
      ref: 'refs/heads/main',
      commit: 'a'.repeat(40),
      trust: 'trusted',
      dedupe_key: null,
      definition: '{}',
      plan_hash: '',
      state: '{}',
      release_id: null,
      created_at: '2026-01-01T00:00:00Z',
    })
    .execute();
  const pool = await rows.pool();
  const { runnerId: runner } = await rows.runner(pool);
  await db
    .insertInto('attempts')
    .values({
      id: attempt,
      team_id: team,
      run_id: run,
      service_id: service,
      job_key: 'commit/verify',
      number: 1,
      pool_id: pool,
      trust: 'trusted',
      status: 'running',
      epoch: 1,
      runner_id: runner,
      poll_id: null,
      started_at: '2026-01-01T00:00:00Z',
      exit_code: null,
      log_sha256: null,
    })
    .execute();
  return { attemptId: attempt, epoch: 1, runnerId: runner, poolId: pool };
}
