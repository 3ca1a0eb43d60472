import { createHash } from 'node:crypto';
import pg from 'pg';
import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import { eventually, makeSmallVolume, startPostgres } from '@sluice/testing';
import { databaseOn, databaseUrl } from '../../platform/db/testing/test-database.ts';
import { FolderBlobStore } from '../../platform/blobs/folder-blob-store.ts';
import { ONE_JOB } from '../../testing/pipeline-rows.ts';
import { RunnerApp, type RunnerClient } from './testing/runner-app.ts';

interface Held {
  readonly runner: RunnerClient;
  readonly attemptId: string;
  call(path: string, body?: Record<string, unknown>): ReturnType<RunnerClient['call']>;
}

/** A runner in the middle of a job. */
async function holdLease(server: RunnerApp): Promise<Held> {
  const team = await server.rows.team();
  const pool = await server.rows.pool();
  await server.rows.run(team, ONE_JOB);
  const runner = await server.runner(pool);
  const poll = () => runner.call('poll', { pollId: server.rows.ids.next(), slots: 1, waitSeconds: 5, protocol: 1 });
  const { attemptId } = (await eventually(async () => (await poll()).body.lease, { timeoutMs: 20_000 })) as {
    attemptId: string;
  };
  const call: Held['call'] = (path, body = {}) => runner.call(`attempts/${attemptId}/${path}`, { epoch: 1, ...body });
  expect((await call('start')).status).toBe(200);
  return { runner, attemptId, call };
}

const isTrouble = ({ status, headers, body }: Awaited<ReturnType<RunnerClient['call']>>, code: RegExp) =>
  status === 503 && Number(headers.get('retry-after')) > 0 && code.test(body.error.code);

describe('a server whose stores are in trouble', { timeout: 120_000 }, () => {
  it('F35 answers 503 with Retry-After while PostgreSQL is down, lives, and goes on when it is back', async () => {
    const postgres = await startPostgres();
    const database = databaseOn(postgres.url);
    const server = await RunnerApp.start({ database });
    try {
      const { call } = await holdLease(server);
      await postgres.down('SIGQUIT');
      const answers = await Promise.all(
        ['renew', 'steps', 'start'].map((path) => call(path, path === 'steps' ? { steps: [] } : {})),
      );
      expect(answers.map((answer) => isTrouble(answer, /^database-away$/))).toEqual([true, true, true]);
      await postgres.up();
      await eventually(async () => (await call('renew')).status === 200, { describe: 'a renewal after the restart' });
    } finally {
      await server.close();
      await database.close();
      await postgres.stop();
    }
  });

  it('F38 answers 503 when every connection waits for a lock, and leases are renewed all the while', async () => {
    const server = await RunnerApp.start();
    const blocker = new pg.Client({ connectionString: server.database.url });
    await blocker.connect();
    try {
      const { call } = await holdLease(server);
      await blocker.query('begin; lock table runs in access exclusive mode');
      const blocked = Promise.all(Array.from({ length: 30 }, () => call('start')));
      for (let renewals = 0; renewals < 5; renewals += 1) expect((await call('renew')).status).toBe(200);
      const answers = await blocked;
      expect(answers.filter((answer) => !isTrouble(answer, /^database-busy$/))).toEqual([]);
      await blocker.query('rollback');
      expect((await call('start')).status).toBe(200);
    } finally {
      await blocker.end();
      await server.close();
    }
  });

  it('F39 a full disk under PostgreSQL refuses writes with 503, leaves reads alone, and needs no restart', async ({
    skip,
  }) => {
    skip(process.getuid?.() !== 0, 'only root can mount a volume to fill');
    const volume = await makeSmallVolume(160);
    const postgres = await startPostgres({ folder: volume.path });
    const database = databaseOn(databaseUrl(postgres.url, 'sluice'));
    const server = await RunnerApp.start({ database });
    try {
      const { runner, attemptId, call } = await holdLease(server);
      const line = Buffer.alloc(512 * 1024, 'x');
      let length = 0;
      const append = async () => {
        const answer = await runner.log(attemptId, `offset=${length}&epoch=1`, line);
        if (answer.status === 200) length = answer.body.length;
        return answer;
      };
      expect((await append()).status).toBe(200);
      // PostgreSQL has written ahead by now, so that only its tables have to grow.
      volume.fill();
      const refused = await eventually(async () => {
        const answer = await append();
        return answer.status === 200 ? undefined : answer;
      });
      expect([refused.status, refused.body.error.code]).toEqual([503, 'database-full']);
      const seen = await sql<{ length: number }>`select log_length as length from attempts`.execute(database.db);
      expect(seen.rows).toEqual([{ length }]);
      volume.free();
      expect((await append()).status).toBe(200);
      expect((await call('renew')).status).toBe(200);
    } finally {
      await server.close();
      await database.close();
      await postgres.stop();
      await volume.remove();
    }
  });

  it('F40 a full volume of logs answers 507, the result counts all the same, and no byte is lost once there is room', async ({
    skip,
  }) => {
    skip(process.getuid?.() !== 0, 'only root can mount a volume to fill');
    const volume = await makeSmallVolume(16);
    const server = await RunnerApp.start({ blobs: await FolderBlobStore.open(volume.path, new Date()) });
    try {
      const { runner, attemptId, call } = await holdLease(server);
      const log = Buffer.from('0123456789abcdef'.repeat(640 * 1024)); // 10 MiB: more than stays in the database
      const chunk = 2 * 1024 * 1024;
      const append = (at: number) => runner.log(attemptId, `offset=${at}&epoch=1`, log.subarray(at, at + chunk));
      volume.fill();
      const statuses: number[] = [];
      for (let at = 0; at < log.length; at += chunk) statuses.push((await append(at)).status);
      expect(statuses).toContain(507);
      expect(statuses.filter((status) => status !== 200 && status !== 507)).toEqual([]);
      const sha256 = createHash('sha256').update(log).digest('hex');
      const step = {
        index: 0,
        name: 'true',
        status: 'passed',
        startedAt: null,
        finishedAt: null,
        exitCode: 0,
        logOffset: 0,
      };
      const result = {
        outcome: 'passed',
        exitCode: 0,
        steps: [step],
        log: { length: log.length, sha256, truncated: false },
      };
      expect((await call('result', { result })).status).toBe(200);
      volume.free();
      expect((await append(log.length - chunk)).status).toBe(200);
      const row = await eventually(async () => {
        const found = await server.rows.attempt(attemptId);
        return found.log_sealed_at === null ? undefined : found;
      });
      expect(row).toMatchObject({ log_incomplete: false, log_sha256: sha256, log_length: log.length });
    } finally {
      await server.close();
      await volume.remove();
    }
  });
});
