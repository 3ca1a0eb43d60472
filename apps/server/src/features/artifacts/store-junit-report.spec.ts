import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Transactions } from '../../platform/db/transactions.ts';
import { PipelineRows } from '../../testing/pipeline-rows.ts';
import { testApp, type TestApp, type TestPerson } from '../../testing/test-app.ts';
import { JunitReader } from './junit-reader.ts';
import { StoreJunitReport, type ReportCaps } from './store-junit-report.ts';

let server: TestApp;
let admin: TestPerson;
const reader = new JunitReader();
beforeAll(async () => {
  server = await testApp();
  admin = await server.setUp();
});
afterAll(async () => {
  await reader.onModuleDestroy();
  await server.close();
});

const xml = (cases: number) => `<testsuite name="s">${'<testcase name="a"/>'.repeat(cases)}</testsuite>`;

async function bench(caps: Partial<ReportCaps>) {
  const { db } = server.database;
  const rows = new PipelineRows(server.database);
  const team = await rows.team();
  await db.insertInto('memberships').values({ team_id: team.teamId, user_id: admin.userId, role: 'viewer' }).execute();
  const runner = await rows.runner(await rows.pool());
  const runId = await rows.run(team, 'commit: { jobs: { unit: { image: "node:24", steps: [{ run: x }] } } }');
  const attempt = await db
    .updateTable('attempts')
    .set({ status: 'running', epoch: 1, runner_id: runner.runnerId, pool_id: runner.poolId })
    .where('run_id', '=', runId)
    .returning('id')
    .executeTakeFirstOrThrow();
  const store = StoreJunitReport.limited(new Transactions(db), reader, caps);
  return {
    send: async (file: string, text: string, epoch = 1) =>
      store.store(runner, { attemptId: attempt.id, epoch, file, xml: text }),
    reports: async () => (await server.call('GET', `/api/v1/runs/${runId}/reports`, { as: admin })).body,
    cases: async () =>
      (await server.call('GET', `/api/v1/runs/${runId}/tests`, { as: admin })).body as { name: string }[],
    status: async () =>
      (await db.selectFrom('attempts').select('status').where('id', '=', attempt.id).executeTakeFirstOrThrow()).status,
  };
}

describe('test reports of an attempt', () => {
  it('a file over the cap stays as a finding with a sentence, and changes nothing else', async () => {
    const { send, reports, cases, status } = await bench({ files: 2 });
    expect(await send('a.xml', xml(1))).toEqual({ passed: 1, failed: 0, skipped: 0 });
    await send('b.xml', xml(1));
    const sentence = 'The attempt sent more than 2 report files; its cases were not kept.';
    await expect(send('c.xml', xml(1))).rejects.toMatchObject({ status: 422, message: `c.xml: ${sentence}` });
    await expect(send('d.xml', xml(1))).rejects.toMatchObject({ status: 422 });
    expect(await reports()).toMatchObject([
      { job: 'commit/unit', attempt: 1, file: 'c.xml', cases: 0, finding: sentence },
      { file: 'a.xml', cases: 1, finding: null },
      { file: 'b.xml', cases: 1, finding: null },
    ]);
    expect(await cases()).toHaveLength(2);
    expect(await status()).toBe('running');
  });

  it('a file sent again is not counted twice', async () => {
    const { send, cases } = await bench({ files: 1, cases: 3 });
    for (let time = 0; time < 3; time += 1) await send('a.xml', xml(3));
    expect(await cases()).toHaveLength(3);
  });

  it('caps bytes and cases over all files', async () => {
    const few = await bench({ cases: 4 });
    await few.send('a.xml', xml(3));
    await expect(few.send('b.xml', xml(2))).rejects.toThrow('more than 4 test cases');
    await few.send('b.xml', xml(1));
    expect(await few.cases()).toHaveLength(4);
    const small = await bench({ bytes: 1024 * 1024 });
    await small.send('a.xml', xml(1) + ' '.repeat(900_000));
    await expect(small.send('b.xml', xml(1) + ' '.repeat(200_000))).rejects.toThrow('larger than 1 MiB');
  });

  it('a file that was kept before and is refused now leaves no cases of its former self', async () => {
    const { send, cases, reports } = await bench({});
    await send('a.xml', xml(2));
    await expect(send('a.xml', '<html></html>')).rejects.toMatchObject({ code: 'junit-report' });
    expect(await cases()).toEqual([]);
    expect(await reports()).toMatchObject([{ file: 'a.xml', finding: expect.stringContaining('no JUnit XML report') }]);
  });

  it('files that take long to read use up the time of their own attempt alone', async () => {
    const [greedy, other] = [await bench({ readingMs: 0 }), await bench({})];
    await greedy.send('a.xml', xml(1));
    await expect(greedy.send('b.xml', xml(1))).rejects.toThrow(
      'Reading the report files of the attempt took more than 0 s',
    );
    expect(await other.send('a.xml', xml(1))).toMatchObject({ passed: 1 });
  });

  it('one file of an attempt is read at a time; the runner sends the other again', async () => {
    const { send, cases } = await bench({});
    const sent = await Promise.allSettled([send('a.xml', xml(1)), send('b.xml', xml(1)), send('c.xml', xml(1))]);
    const refused = sent.filter((one) => one.status === 'rejected').map((one) => one.reason as { code: string });
    expect(refused.every(({ code }) => code === 'reports-busy')).toBe(true);
    expect(await cases()).toHaveLength(3 - refused.length);
  });

  it('A51 nothing is read for a lease that is not held', async () => {
    const { send, reports } = await bench({});
    await expect(send('a.xml', '<nothing', 7)).rejects.toMatchObject({ status: 409, code: 'lease-lost' });
    expect(await reports()).toEqual([]);
  });
});
