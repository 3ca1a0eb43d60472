import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, request, type IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { eventually } from '@sluice/testing';
import { openBlobStore } from './platform/blobs/open-blob-store.ts';
import { openDatabase } from './platform/db/database.ts';
import { errorAnswer } from './platform/http/error-answer.ts';
import { Transactions } from './platform/db/transactions.ts';
import { readConfig } from './platform/config/config.ts';
import { testDatabase, type TestDatabase } from './platform/db/testing/test-database.ts';
import { hashToken, newToken } from './platform/http/bearer-tokens.ts';
import { PlatformModule } from './platform/platform.module.ts';
import { startServer, type RunningServer } from './start-server.ts';
import { ONE_JOB, PipelineRows, type TestTeam } from './testing/pipeline-rows.ts';

const RUNNERS = 8;
const SLOTS = 8;

let database: TestDatabase;
let rows: PipelineRows;
let folder: string;
let server: RunningServer;
let said: { level: number; msg: string }[];
let pool: string;
let team: TestTeam;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-stop-'));
  database = await testDatabase();
  rows = new PipelineRows(database);
  [team, pool] = [await rows.team(), await rows.pool()];
  said = [];
  const lines = new Writable({
    write: (line: Buffer, _encoding, done) => {
      said.push(JSON.parse(line.toString()) as (typeof said)[number]);
      done();
    },
  });
  const config = readConfig(
    {
      PORT: '0',
      DATABASE_URL: database.url,
      SLUICE_MASTER_KEY: 'ab'.repeat(32),
      SLUICE_DATA: folder,
      SLUICE_WEB_DIR: folder,
      SLUICE_LOOK_MINUTES: '0',
      SLUICE_RUNNER: 'off',
    },
    folder,
  );
  const platform = PlatformModule.forRoot(config, () =>
    openBlobStore(config.blobs, { now: new Date(), warn: () => undefined }),
  );
  server = await startServer({ config, logger: pino({ level: 'warn' }, lines), platform });
});
afterEach(async () => {
  await server.stop();
  await database.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: { lease?: { attemptId: string; epoch: number } | null; error?: { code: string } };
}

/** On a connection of its own that stays open: `undefined` where none was made or it ended without an answer. */
function post(agent: Agent, token: string, path: string, body: unknown): Promise<Answer | undefined> {
  return new Promise((resolve) => {
    const asking = request(`${server.publicUrl}/api/v1/runner/${path}`, {
      method: 'POST',
      agent,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    });
    asking.on('error', () => resolve(undefined));
    asking.on('response', (answer) => {
      let text = '';
      answer
        .on('data', (bytes: Buffer) => (text += bytes.toString()))
        .on('error', () => resolve(undefined))
        .on('end', () =>
          resolve({ status: answer.statusCode!, headers: answer.headers, body: JSON.parse(text) as Answer['body'] }),
        );
    });
    asking.end(JSON.stringify(body));
  });
}

async function runnerToken(): Promise<string> {
  const token = newToken('slr_');
  const { runnerId } = await rows.runner(pool, SLOTS);
  await database.db
    .updateTable('runners')
    .set({ token_hash: hashToken(token) })
    .where('id', '=', runnerId)
    .execute();
  return token;
}

it(
  'F46 under a load of polls: what comes while it stops is told to come again, every lease arrives, and the log is quiet',
  { timeout: 60_000 },
  async () => {
    const agent = new Agent({ keepAlive: true });
    const answers: Answer[] = [];
    const pollUntilClosed = async (token: string) => {
      for (let closed = false; !closed;) {
        const body = { pollId: crypto.randomUUID(), slots: SLOTS, waitSeconds: 20, protocol: 1 };
        const answer = await post(agent, token, 'poll', body);
        if (answer) answers.push(answer);
        closed = answer === undefined;
      }
    };
    const tokens = await Promise.all(Array.from({ length: RUNNERS }, runnerToken));
    const polling = tokens.flatMap((token) => Array.from({ length: SLOTS }, () => pollUntilClosed(token)));
    await eventually(
      async () => (await database.db.selectFrom('polls').select('id').execute()).length === RUNNERS * SLOTS,
      { describe: 'all polls waiting' },
    );
    // Work goes on coming, so that leases are granted while the server stops.
    const feeding = (async () => {
      for (let made = 0; made < 60; made += 1) await rows.run(team, ONE_JOB);
    })();
    await eventually(() => answers.filter(({ body }) => body.lease).length >= 5, { describe: 'leases under way' });
    await server.stop();
    await Promise.all([...polling, feeding]);
    agent.destroy();

    const refused = answers.filter(({ status }) => status !== 200);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 503]));
    for (const { headers, body } of refused) {
      expect(headers).toMatchObject({ 'retry-after': '1', connection: 'close' });
      expect(body.error?.code).toBe('stopping');
    }
    expect(refused.length).toBeGreaterThan(0);
    const arrived = answers.flatMap(({ body }) => (body.lease ? [`${body.lease.attemptId} ${body.lease.epoch}`] : []));
    const held = await database.db
      .selectFrom('attempts')
      .select(['id', 'epoch'])
      .where('status', '=', 'running')
      .execute();
    expect(held.map(({ id, epoch }) => `${id} ${epoch}`).filter((lease) => !arrived.includes(lease))).toEqual([]);
    expect(said).toEqual([]);
  },
);

it('F46 what asks a database that is closed already is told to come again, and is no trouble of ours', async () => {
  const closed = openDatabase(database.url, 2);
  await closed.selectFrom('teams').select('id').execute();
  await closed.destroy();
  const asking = [
    closed.selectFrom('teams').select('id').execute(),
    new Transactions(closed).run(({ tx }) => tx.selectFrom('teams').select('id').execute()),
  ];
  for (const result of await Promise.allSettled(asking)) {
    expect(errorAnswer((result as PromiseRejectedResult).reason)).toMatchObject({
      status: 503,
      code: 'stopping',
      ours: false,
      data: { retryAfterSeconds: 1 },
    });
  }
});
