import { Logger } from '@nestjs/common';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { json } from '../../platform/db/database.ts';
import { testDatabase, type TestDatabase } from '../../platform/db/testing/test-database.ts';
import { BlobStoreError } from '../../platform/blobs/blob-store.port.ts';
import { MemoryBlobs } from '../../testing/memory-blobs.ts';
import { LIMITS, RetentionWorld } from './testing/retention-world.ts';

let database: TestDatabase;
let world: RetentionWorld;
beforeEach(async () => {
  // What goes wrong here is planted.
  Logger.overrideLogger(false);
  database = await testDatabase();
  world = new RetentionWorld(database);
});
afterEach(() => database.close());

const ago = (days: number) => sql<Date>`now() - ${days} * interval '1 day'`;

describe('a sweep', () => {
  it('begins once in a while, whoever asks, and leaves a record', async () => {
    const other = new RetentionWorld(database);
    const first = await Promise.all([world.sweeper.sweep(), other.sweeper.sweep()]);
    expect(first.filter(Boolean)).toHaveLength(1);
    expect(await other.sweeper.sweep()).toBeUndefined();
    expect(await database.db.selectFrom('retention_sweeps').selectAll().execute()).toMatchObject([
      { finished_at: expect.any(Date), problems: [], more: false },
    ]);
    await sql`update retention_sweeps set started_at = ${ago(1)}, finished_at = ${ago(1)}`.execute(database.db);
    expect(await other.sweeper.sweep()).toBeDefined();
  });

  it('begins soon again when the last one left something, whatever those before it did', async () => {
    await world.sweep();
    await world.sweep();
    expect(await world.sweeper.sweep()).toBeUndefined();
    await sql`update retention_sweeps set more = true where id = (
      select id from retention_sweeps order by started_at desc limit 1)`.execute(database.db);
    expect(await world.sweeper.sweep()).toBeDefined();
  });

  it('is taken over when its server died', async () => {
    await database.db
      .insertInto('retention_sweeps')
      .values({ id: world.rows.ids.next(), held_until: sql<Date>`now() + interval '1 minute'` })
      .execute();
    expect(await world.sweeper.sweep({ now: true })).toBeUndefined();
    await sql`update retention_sweeps set held_until = now()`.execute(database.db);
    expect(await world.sweeper.sweep()).toBeDefined();
  });

  it('does the rest when one part is in trouble, and says which', async () => {
    class FullBlobs extends MemoryBlobs {
      override remove(): Promise<void> {
        return Promise.reject(new BlobStoreError('the bucket says no', { lasting: false }));
      }
    }
    world = new RetentionWorld(database, { blobs: new FullBlobs() });
    const team = await world.rows.team();
    const runId = await world.endedRun(team, LIMITS.logDays + 1);
    await world.endedAttempt(team, runId, LIMITS.logDays + 1);
    expect(await world.sweep()).toMatchObject({ removed: { logs: 1 }, problems: ['objects: the bucket says no'] });
    expect(await database.db.selectFrom('log_puts').selectAll().execute()).toHaveLength(1);
  });

  it('ends early when the server stops', async () => {
    expect(await world.sweeper.sweep({ stopped: () => true })).toMatchObject({ removed: {} });
  });

  it('keeps counts of removed tests, and what a deployment was when its steps are gone', async () => {
    const team = await world.rows.team();
    const runId = await world.endedRun(team, LIMITS.testDays + 1);
    const attempt = await world.endedAttempt(team, runId, 1);
    await sql`insert into test_reports (attempt_id, file, bytes, cases, received_at)
      values (${attempt.id}, 'a.xml', 1, 3, ${ago(LIMITS.testDays + 1)})`.execute(database.db);
    for (const [ordinal, status] of ['passed', 'passed', 'failed'].entries())
      await sql`insert into test_cases (attempt_id, run_id, service_id, job_key, file, ordinal, suite, name, status, seconds)
        values (${attempt.id}, ${runId}, ${team.serviceId}, 'x', 'a.xml', ${ordinal}, 's', 'n', ${status}, 1)`.execute(
        database.db,
      );
    const lane = await world.environment(team);
    const days = LIMITS.deploymentEventDays + 1;
    const { deploymentId } = await world.deployment(team, runId, lane, { status: 'failed', daysAgo: days });
    expect(await world.sweep()).toMatchObject({ removed: { tests: 1, deploymentEvents: 1 }, problems: [] });
    expect(await database.db.selectFrom('test_cases').selectAll().execute()).toEqual([]);
    expect(await database.db.selectFrom('test_reports').selectAll().execute()).toEqual([]);
    const run = await database.db.selectFrom('runs').select('tests_removed').executeTakeFirstOrThrow();
    expect(run.tests_removed).toEqual({
      at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      afterDays: LIMITS.testDays,
      passed: 2,
      failed: 1,
      skipped: 0,
    });
    const deployment = await database.db
      .selectFrom('deployments')
      .select(['target_events', 'events_removed', 'status'])
      .where('id', '=', deploymentId)
      .executeTakeFirstOrThrow();
    expect(deployment).toEqual({
      target_events: [],
      events_removed: { at: expect.any(String), afterDays: LIMITS.deploymentEventDays },
      status: 'failed',
    });
  });

  it('removes ended sessions and tokens, and gives up messages that failed for long', async () => {
    const user = world.rows.ids.next();
    await sql`insert into users (id, email, name, password_hash) values (${user}, 'a@b', 'A', 'x')`.execute(
      database.db,
    );
    for (const days of [LIMITS.accessDays + 1, LIMITS.accessDays - 1, -1]) {
      await sql`insert into sessions (id, user_id, token_hash, csrf_token, expires_at)
        values (${world.rows.ids.next()}, ${user}, ${`s${days}`}, 'x', ${ago(days)})`.execute(database.db);
      await sql`insert into api_tokens (id, user_id, name, token_hash, scopes, revoked_at)
        values (${world.rows.ids.next()}, ${user}, 'x', ${`t${days}`}, '[]', ${ago(days)})`.execute(database.db);
    }
    await sql`insert into outbox (topic, payload, created_at, tries, last_error) values
      ('changed', '{}', ${ago(LIMITS.messageDays + 1)}, 9, 'Error: x'),
      ('changed', '{}', ${ago(LIMITS.messageDays + 1)}, 1, null),
      ('changed', '{}', ${ago(LIMITS.messageDays - 1)}, 9, 'Error: x')`.execute(database.db);
    expect(await world.sweep()).toMatchObject({ removed: { access: 2, messages: 1 } });
    expect(await database.db.selectFrom('sessions').select('id').execute()).toHaveLength(2);
    expect(await database.db.selectFrom('outbox').select('id').execute()).toHaveLength(2);
  });
});

describe('old statuses at a forge', () => {
  it('go when they were sent and no run of their commit is left', async () => {
    const team = await world.rows.team();
    await world.endedRun(team, 1);
    const statuses = { old: 'b'.repeat(40), due: 'c'.repeat(40), 'of a run': 'a'.repeat(40), young: 'd'.repeat(40) };
    for (const [name, commit] of Object.entries(statuses))
      await sql`insert into commit_statuses (service_id, commit, team_id, repository_id, ref, sent_at, due_at)
        values (${team.serviceId}, ${commit}, ${team.teamId}, ${team.repositoryId}, 'refs/heads/main',
          ${ago(name === 'young' ? 1 : LIMITS.runDays + 1)}, ${name === 'due' ? new Date() : null})`.execute(
        database.db,
      );
    expect(await world.sweep()).toMatchObject({ removed: { commitStatuses: 1 }, problems: [] });
    const left = await database.db.selectFrom('commit_statuses').select('commit').orderBy('commit').execute();
    expect(left.map(({ commit }) => commit)).toEqual([statuses['of a run'], statuses.due, statuses.young]);
  });
});

describe('old deliveries', () => {
  it('go, but not the newest of a hook, nor where a branch stands, nor what waits; who pushed stays known (I16)', async () => {
    const team = await world.rows.team();
    const hook = world.rows.ids.next();
    await sql`insert into hooks (id, team_id, repository_id, secret_sealed)
      values (${hook}, ${team.teamId}, ${team.repositoryId}, 'x')`.execute(database.db);
    const ids: Record<string, string> = {};
    const deliver = async (
      name: string,
      {
        days = LIMITS.deliveryDays + 1,
        status = 'planned',
        before = 'e' as string | null,
        after = name,
        pusher = 'ann',
      },
    ) => {
      ids[name] = world.rows.ids.next();
      await sql`insert into deliveries
        (id, team_id, hook_id, repository_id, delivery_key, event, ref, content_key, payload, received_at, status)
        values (${ids[name]}, ${team.teamId}, ${hook}, ${team.repositoryId}, ${name}, 'push', 'refs/heads/main', ${name},
          ${json({ before, after, pusher })}, ${ago(days)}, ${status})`.execute(database.db);
    };
    await deliver('old', {});
    await deliver('branch made at it', { before: null, after: 'old', pusher: 'bob' });
    await deliver('new branch', { before: null, pusher: 'cleo' });
    await deliver('stands', {});
    await deliver('waits', { status: 'received' });
    await deliver('newest', { days: LIMITS.deliveryDays + 0.5 });
    await sql`insert into branch_heads (repository_id, ref, commit)
      values (${team.repositoryId}, 'refs/heads/main', 'stands')`.execute(database.db);
    expect(await world.sweep()).toMatchObject({ removed: { deliveries: 3 }, problems: [] });
    const left = await database.db.selectFrom('deliveries').select('delivery_key').orderBy('delivery_key').execute();
    expect(left.map((row) => row.delivery_key)).toEqual(['newest', 'stands', 'waits']);
    const hands = await database.db
      .selectFrom('commit_hands')
      .select(['commit', 'identity'])
      .orderBy('commit')
      .execute();
    expect(hands).toEqual([
      { commit: 'new branch', identity: 'cleo' },
      { commit: 'old', identity: 'ann' },
    ]);
  });
});
