import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Contributor } from './lane.ts';
import { waitingCause } from './waiting-cause.ts';
import { WAITING_CODES } from './waiting.ts';
import type { QueuedAttempt } from './waiting.ts';
import { ONE_OF_US, OPEN_GATE, RITA, TWO_OF_US, inOrder, openedLane } from './testing/lane-builder.ts';
import { ANNA, createdRun } from './testing/run-builder.ts';

const attempt: QueuedAttempt = {
  kind: 'attempt',
  requirement: { teamId: 't1', trust: 'trusted', labels: ['gpu', 'arm64'] },
  readyAt: '2026-01-01T00:00:00.000Z',
};
const busy = { name: 'main', runnersOnline: 2, ahead: 1 };
const team = { of: 'team', name: 'shop', max: 3 } as const;
const service = { of: 'service', name: 'catalog', max: 1 } as const;
const group = { name: 'db', max: 1, holders: ['catalog #12'], before: [] };

test('I07: the guide lists every cause and no other', () => {
  const guide = readFileSync(new URL('../../../docs/guides/waiting.md', import.meta.url), 'utf8');
  const listed = [...guide.matchAll(/^\| `([a-z-]+)`/gm)].map(([, code = '']) => code);
  expect(listed.toSorted()).toEqual([...WAITING_CODES].toSorted());
});

describe('I07: a queued attempt says why it waits', () => {
  test.each<[string, Partial<QueuedAttempt>, string]>([
    ['no-pool', {}, 'No pool takes trusted runs with the labels gpu, arm64.'],
    ['no-runner', { pool: { ...busy, runnersOnline: 0 } }, 'No runner of the pool main is connected.'],
    [
      'no-runner',
      { pool: { ...busy, runnersOnline: 0, unfit: [{ name: 'r1', trouble: 'The disk is full.' }] } },
      'No runner of the pool main takes work. r1: The disk is full.',
    ],
    [
      'no-host-runner',
      { host: true, pool: { ...busy, runnersOnline: 0, withoutHost: 2 } },
      'The job runs without a container (`host: true`), and no connected runner of the pool main offers that.',
    ],
    ['no-runner', { host: true, pool: { ...busy, runnersOnline: 0 } }, 'No runner of the pool main is connected.'],
    ['runner-busy', { pool: busy }, '2 runners of the pool main are busy; 1 job is ahead.'],
    [
      'runner-busy',
      { pool: { name: 'main', runnersOnline: 1, ahead: 0 } },
      '1 runner of the pool main is busy; this is next.',
    ],
    [
      'runner-busy',
      { pool: { ...busy, ahead: 0 }, share: { own: 1, fewest: 1 } },
      '2 runners of the pool main are busy; this is next of its team, which takes turns with others.',
    ],
    [
      'fair-share',
      { pool: busy, share: { own: 3, fewest: 0 } },
      'The team has 3 jobs running, and another team that waits for the pool main has 0.',
    ],
    ['starting', { pool: { ...busy, freeSlots: 2 } }, 'The pool main has 2 free slots.'],
    ['team-limit', { pool: busy, limits: [team] }, '3 jobs of the team shop may run at once, and so many do.'],
    [
      'service-limit',
      { pool: { ...busy, freeSlots: 1 }, limits: [service, team] },
      '1 job of the service catalog may run at once, and so many do.',
    ],
    ['group', { pool: busy, group }, '1 run of the group db may use runners at once; catalog #12 does now.'],
    [
      'group',
      {
        pool: busy,
        limits: [team],
        group: { max: 2, holders: ['catalog #12', 'catalog #13'], before: ['catalog #14', 'catalog #15', 'a', 'b'] },
      },
      '2 runs of this service may use runners at once; catalog #12, catalog #13 do now; catalog #14, catalog #15, a and 1 more are before it.',
    ],
    ['no-runner', { pool: { ...busy, runnersOnline: 0 }, group }, 'No runner of the pool main is connected.'],
  ])('%s: %o', (code, more, message) => {
    expect(waitingCause({ ...attempt, ...more })).toMatchObject({
      code,
      message,
      since: attempt.readyAt,
      endedBy: expect.stringMatching(/^[A-Z].+\.$/) as string,
    });
  });
});

describe('I07: a deployment that waits or holds its lane says why', () => {
  test('for approvals: how many of how many, and of whom', () => {
    const lane = openedLane(TWO_OF_US);
    lane.offer(7);
    lane.send(lane.approval(7, RITA));
    expect(waitingCause({ kind: 'deployment', lane: lane.state, deploymentId: 'd7' })).toEqual({
      code: 'approval',
      message: '1 of 2 approvals given for production.',
      since: '2026-01-01T00:00:02.000Z',
      endedBy: '1 approval by release-manager or admin.',
    });
  });

  test('I16: for one more approval than usual, before and after the first one, and for its being given again', () => {
    const lane = openedLane(ONE_OF_US);
    lane.offer(7);
    const eve = { part: 'pushed', identity: 'eve' } as const;
    const cause = (...contributors: Contributor[]) =>
      waitingCause({
        kind: 'deployment',
        lane: lane.state,
        deploymentId: 'd7',
        ...(contributors.length > 0 && { contributors }),
      });
    const remedy =
      'Fewer once a system admin has linked eve to a person: the next approval, also one given again, is judged by that.';
    expect(cause(eve)).toMatchObject({
      message: '0 of 2 approvals given for production; one more because the pusher eve is linked to nobody.',
      endedBy: `2 approvals by release-manager or admin. ${remedy}`,
    });
    lane.send(lane.approval(7, RITA, { contributors: [eve] }));
    expect(cause()).toMatchObject({
      message: '1 of 2 approvals given for production; one more because the pusher eve is linked to nobody.',
      endedBy: `1 approval by release-manager or admin. ${remedy}`,
    });
    expect(cause(eve, { part: 'triggered', identity: 'mallory' })).toMatchObject({
      message:
        '1 of 3 approvals given for production; 2 more because the pusher eve and the trigger mallory are linked to nobody.',
    });
    expect(cause({ ...eve, userId: 'u-dev' })).toMatchObject({
      message: '1 of 1 approval given for production.',
      endedBy: expect.stringMatching(/^One of the approvals given again/) as string,
    });
  });

  test('behind a deployment', () => {
    const lane = openedLane(ONE_OF_US);
    lane.offer(7);
    lane.send(lane.approval(7, RITA));
    lane.offer(8);
    lane.send(lane.approval(8, RITA));
    expect(waitingCause({ kind: 'deployment', lane: lane.state, deploymentId: 'd8' })).toMatchObject({
      code: 'behind-deployment',
      message: 'The release of run 7 is being deployed here.',
      since: '2026-01-01T00:00:05.000Z',
    });
  });

  test('behind a release whose turn comes first', () => {
    const lane = openedLane(ONE_OF_US, inOrder(ONE_OF_US));
    lane.offer(7);
    lane.offer(8);
    lane.send(lane.approval(8, RITA));
    expect(waitingCause({ kind: 'deployment', lane: lane.state, deploymentId: 'd8' })).toMatchObject({
      code: 'earlier-release',
      message: 'Each release has its turn in production, and that of run 7 is first.',
      since: '2026-01-01T00:00:04.000Z',
    });
  });

  test('one whose target is silent holds the lane', () => {
    const lane = openedLane(OPEN_GATE);
    lane.offer(7);
    lane.send({ type: 'deployment-unknown', deploymentId: 'd7', reason: { code: 'timeout', message: 'No answer.' } });
    expect(waitingCause({ kind: 'deployment', lane: lane.state, deploymentId: 'd7' })).toMatchObject({
      code: 'target',
      message: 'No answer.',
    });
  });

  test('what runs, or is not there, waits for nothing', () => {
    const lane = openedLane(OPEN_GATE);
    lane.offer(7);
    expect(waitingCause({ kind: 'deployment', lane: lane.state, deploymentId: 'd7' })).toBeUndefined();
    expect(waitingCause({ kind: 'deployment', lane: lane.state, deploymentId: 'd9' })).toBeUndefined();
  });
});

describe('I07: a run says what its jobs and environments wait for', () => {
  const sketch = { commit: { lint: {}, verify: { needs: ['lint'] } }, build: {}, release: ['staging', 'production'] };
  const job = (run: ReturnType<typeof createdRun>, jobKey: 'commit/lint' | 'commit/verify' | 'build/image') =>
    waitingCause({ kind: 'job', state: run.state, jobKey });
  const environment = (run: ReturnType<typeof createdRun>, name: string) =>
    waitingCause({ kind: 'environment', state: run.state, environment: name });

  test('needs, and stages before', () => {
    const run = createdRun(sketch);
    expect(job(run, 'commit/lint')).toBeUndefined();
    expect(job(run, 'commit/verify')).toMatchObject({ code: 'needs-job', message: 'Needs commit/lint to end first.' });
    expect(job(run, 'build/image')).toMatchObject({
      code: 'earlier-stage',
      message: 'The build stage follows when the commit stage has passed.',
    });
    expect(environment(run, 'production')).toMatchObject({
      code: 'earlier-stage',
      message: 'The release is made when the commit stage has passed.',
    });
  });

  test('a pause', () => {
    const run = createdRun({ commit: { lint: { retry: { on: ['failed'], times: 1, delaySeconds: 30 } } } });
    run.end('commit/lint', 'failed');
    expect(job(run, 'commit/lint')).toMatchObject({
      code: 'retry-pause',
      endedBy: 'The end of the pause at 2026-01-01T00:00:33.000Z.',
    });
  });

  test('the way of a release', () => {
    const run = createdRun(sketch);
    for (const key of ['commit/lint', 'commit/verify', 'build/image'] as const) run.end(key);
    expect(environment(run, 'staging')).toMatchObject({
      code: 'release',
      message: 'The release is on its way to staging.',
    });
    run.send({ type: 'release-made', releaseId: 'rel-1' });
    run.lane('staging', 'running', 1);
    expect(environment(run, 'staging')).toBeUndefined();
    expect(environment(run, 'production')).toMatchObject({
      code: 'earlier-environment',
      message: 'production follows when the release is live in staging.',
    });
    run.lane('staging', 'passed', 2);
    expect(environment(run, 'production')).toMatchObject({ code: 'release' });
  });

  test('a cancel that is under way', () => {
    const run = createdRun(sketch);
    expect(waitingCause({ kind: 'cancel', state: run.state })).toBeUndefined();
    run.send({ type: 'attempt-started', jobKey: 'commit/lint', attemptId: run.attempt('commit/lint'), runner: 'r' });
    run.send({ type: 'cancel', by: ANNA });
    expect(waitingCause({ kind: 'cancel', state: run.state })).toMatchObject({
      code: 'cancelling',
      message: 'Anna asked to cancel.',
      endedBy: 'The end of what runs: steps get time to clean up, and a lost runner loses its lease.',
    });
    expect(job(run, 'commit/lint')).toMatchObject({ code: 'cancelling' });
    run.end('commit/lint', 'cancelled');
    expect(waitingCause({ kind: 'cancel', state: run.state })).toBeUndefined();
  });
});
