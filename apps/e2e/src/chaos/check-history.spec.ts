import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { checkHistory } from './check-history.ts';
import { countedText, type Acknowledged, type History } from './history.ts';
import type { Stored } from './stored.ts';

const COMMIT = 'a'.repeat(40);
const NEWER = 'b'.repeat(40);
const log = Buffer.from(countedText(COMMIT, 3));
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

const acknowledged: Acknowledged[] = [
  { kind: 'webhook', service: 'shop', commit: COMMIT, delivery: 'd1' },
  { kind: 'webhook', service: 'shop', commit: COMMIT, delivery: 'd2' },
  { kind: 'log', attempt: 'a1', offset: 0, length: 10, sha256: sha256(log.subarray(0, 10)) },
  { kind: 'log', attempt: 'a1', offset: 10, length: log.length - 10, sha256: sha256(log.subarray(10)) },
  { kind: 'result', attempt: 'a1', epoch: 1, outcome: 'passed', logSha256: sha256(log) },
  { kind: 'approve', deployment: 'p1', userId: 'rita' },
  { kind: 'reject', deployment: 'p2', userId: 'rita' },
  { kind: 'cancel', run: 'r2' },
  { kind: 'rerun', run: 'r2' },
  { kind: 'keep', attempt: 'a1' },
  { kind: 'open-shell', attempt: 'a1', shell: 's1' },
  { kind: 'end-kept', attempt: 'a1' },
];
const history: History = {
  pushed: [
    { service: 'shop', commit: COMMIT },
    { service: 'shop', commit: NEWER },
  ],
  acknowledged,
  counted: { job: 'commit/count', lines: 3 },
};

const run = { service: 'shop', commit: COMMIT, status: 'passed', waitsFor: [] };
const attempt = {
  id: 'a1',
  run: 'r1',
  job: 'commit/count',
  number: 1,
  status: 'passed',
  epoch: 1,
  result: { outcome: 'passed', logSha256: sha256(log) },
  sealedSha256: sha256(log),
  log,
};
const lane = { id: 'l1', service: 'shop', environment: 'staging', version: 5, liveDeployment: 'p1', open: [] };
const container = { service: 'shop', environment: 'staging', deployment: 'p1', isRunning: true };

const kept = {
  attempt: 'a1',
  hasEnded: true,
  onRecord: ['debug.keep', 'debug.open s1', 'debug.close s1', 'debug.end'],
  shells: [{ id: 's1', isClosed: true }],
};

/** In which nothing is wrong. */
const sound: Stored = {
  deliveries: [
    { id: 'd1', status: 'planned', message: null },
    { id: 'd2', status: 'ignored', message: 'known' },
  ],
  runs: [
    { ...run, id: 'r1', number: 1, version: 3, pushed: true },
    { ...run, id: 'r2', number: 2, version: 1, pushed: false, status: 'cancelled' },
    { ...run, id: 'r3', number: 3, version: 0, pushed: true, commit: NEWER, status: 'waiting', waitsFor: ['approval'] },
  ],
  runEvents: [
    { run: 'r1', sequence: 1, type: 'run-created' },
    { run: 'r1', sequence: 2, type: 'stage-ended', stage: 'commit', status: 'passed' },
    { run: 'r1', sequence: 3, type: 'run-ended', status: 'passed' },
    { run: 'r2', sequence: 1, type: 'cancel-requested' },
  ],
  attempts: [attempt],
  lanes: [lane],
  laneEvents: [
    { lane: 'l1', sequence: 1, type: 'lane-opened' },
    { lane: 'l1', sequence: 2, type: 'approved', deployment: 'p1', userId: 'rita' },
    { lane: 'l1', sequence: 3, type: 'deployment-started', deployment: 'p1' },
    { lane: 'l1', sequence: 4, type: 'deployment-ended', deployment: 'p1' },
    { lane: 'l1', sequence: 5, type: 'rejected', deployment: 'p2', userId: 'rita' },
  ],
  kept: [kept],
  outbox: 0,
  containers: [container],
  leftovers: [],
};

const without = <T>(list: readonly T[], unwanted: (one: T) => boolean) => list.filter((one) => !unwanted(one));

const PLANTED: readonly [what: string, stored: Partial<Stored>, violation: RegExp][] = [
  ['a delivery lost', { deliveries: sound.deliveries.slice(1) }, /I22 the acknowledged delivery d1 .* is not stored/],
  [
    'a delivery never planned',
    { deliveries: [{ id: 'd1', status: 'received', message: null }, sound.deliveries[1]!] },
    /I22 .*d1 .* is received without a run/,
  ],
  [
    'a delivery given up',
    { deliveries: [{ id: 'd1', status: 'failed', message: 'no such commit' }, sound.deliveries[1]!] },
    /I22 .*d1 .* is failed without a run: no such commit/,
  ],
  [
    'a planned delivery whose run is gone',
    {
      runs: without(sound.runs, ({ id }) => id === 'r1'),
      runEvents: without(sound.runEvents, (event) => event.run === 'r1'),
    },
    /I22 .*d1 .* is planned without a run/,
  ],
  [
    'two runs of one push',
    { runs: [...sound.runs, { ...run, id: 'r4', number: 4, version: 0, pushed: true }] },
    /I20 shop a+ has 2 runs: 1,4/,
  ],
  ['a result lost', { attempts: [{ ...attempt, result: null }] }, /I22 the acknowledged result passed of .*not stored/],
  [
    'another result stored',
    { attempts: [{ ...attempt, status: 'failed', result: { outcome: 'failed', logSha256: sha256(log) } }] },
    /I22 the acknowledged result passed of attempt a1 is stored as failed/,
  ],
  ['a result of an older epoch', { attempts: [{ ...attempt, epoch: 2 }] }, /I06 .* epoch 1, and 2 is stored/],
  [
    'an approval lost',
    { laneEvents: sound.laneEvents.map((event) => (event.type === 'approved' ? { ...event, userId: 'x' } : event)) },
    /I22 the acknowledged approve of p1 by rita/,
  ],
  [
    'a rejection lost',
    { laneEvents: sound.laneEvents.map((event) => (event.type === 'rejected' ? { ...event, userId: 'x' } : event)) },
    /I22 the acknowledged reject of p2 by rita/,
  ],
  [
    'a cancel lost',
    { runEvents: sound.runEvents.map((event) => (event.run === 'r2' ? { ...event, type: 'run-created' } : event)) },
    /I22 the acknowledged cancel of run r2/,
  ],
  [
    're-run lost',
    { runs: without(sound.runs, ({ id }) => id === 'r2') },
    /I22 the acknowledged re-run r2 is not stored/,
  ],
  [
    'a stage that passes twice',
    {
      runs: sound.runs.map((one) => (one.id === 'r1' ? { ...one, version: 4 } : one)),
      runEvents: [
        ...sound.runEvents,
        { run: 'r1', sequence: 4, type: 'stage-ended', stage: 'commit', status: 'passed' },
      ].toSorted((one, two) => one.run.localeCompare(two.run)),
    },
    /I05 stage commit of run r1 passed 2 times/,
  ],
  [
    'a job that passes twice',
    { attempts: [attempt, { ...attempt, id: 'a2', number: 2 }] },
    /I05 job commit\/count of run r1 passed 2 times/,
  ],
  [
    'a log that is gone',
    { attempts: [{ ...attempt, log: Buffer.alloc(0) }] },
    /I22 the acknowledged log bytes 0 to 10/,
  ],
  [
    'a log with one byte changed',
    { attempts: [{ ...attempt, log: Buffer.concat([log.subarray(0, -2), Buffer.from('!\n')]) }] },
    /I22 the acknowledged log bytes 10 to/,
  ],
  [
    'a log sealed with another sum',
    { attempts: [{ ...attempt, sealedSha256: sha256(Buffer.from('x')) }] },
    /I10 .* is not what was sealed/,
  ],
  [
    'two deployments at once',
    {
      lanes: [{ ...lane, version: 6 }],
      laneEvents: [
        ...sound.laneEvents.slice(0, 3),
        { lane: 'l1', sequence: 4, type: 'deployment-started', deployment: 'p3' },
        { lane: 'l1', sequence: 5, type: 'deployment-ended', deployment: 'p1' },
        { lane: 'l1', sequence: 6, type: 'rejected', deployment: 'p2', userId: 'rita' },
      ],
    },
    /I13 p3 started in lane l1 while p1 was active/,
  ],
  [
    'a lane that is still held',
    { lanes: [{ ...lane, open: [{ id: 'p3', status: 'unknown' }] }] },
    /I30 lane l1 is still held by p3/,
  ],
  ['no container of what is live', { containers: [] }, /I13 shop in staging has 0 running containers/],
  ['two containers of what is live', { containers: [container, container] }, /I13 shop in staging has 2 running/],
  [
    'a container of an older deployment',
    { containers: [container, { ...container, deployment: 'p0', isRunning: false }] },
    /I31 shop in staging keeps a container of p0/,
  ],
  [
    'a run that hangs without a reason',
    { runs: sound.runs.map((one) => (one.id === 'r3' ? { ...one, status: 'running', waitsFor: [] } : one)) },
    /I07 run 3 of shop is running and names nothing/,
  ],
  [
    'a run that waits for a runner although all are there',
    { runs: sound.runs.map((one) => (one.id === 'r3' ? { ...one, waitsFor: ['no-runner'] } : one)) },
    /I28 run 3 of shop is waiting and waits for no-runner/,
  ],
  [
    'a gap in the events of a run',
    { runEvents: without(sound.runEvents, ({ type }) => type === 'stage-ended') },
    /I01 run r1 has no event 2/,
  ],
  [
    'the last event of a run lost',
    { runEvents: without(sound.runEvents, ({ type }) => type === 'run-ended') },
    /I01 run r1 says 3 events and has 2/,
  ],
  [
    'a gap in the events of a lane',
    { laneEvents: without(sound.laneEvents, ({ sequence }) => sequence === 4) },
    /I01 lane l1 has no event 4/,
  ],
  ['a message that is not delivered', { outbox: 2 }, /I32 2 messages are still in the outbox/],
  ['a keeping lost', { kept: [] }, /I22 the acknowledged keeping of attempt a1 is not stored/],
  ['a shell lost', { kept: [{ ...kept, shells: [] }] }, /I22 the acknowledged shell s1 in attempt a1/],
  ['a keeping that goes on', { kept: [{ ...kept, hasEnded: false }] }, /I31 what is kept of attempt a1 has no end/],
  ['an end lost', { kept: [{ ...kept, hasEnded: false }] }, /I22 the acknowledged end of what is kept of attempt a1/],
  [
    'a shell that nobody closed',
    { kept: [{ ...kept, shells: [{ id: 's1', isClosed: false }] }] },
    /I31 what is kept of attempt a1 has 1 open shells/,
  ],
  [
    'an end on record twice',
    { kept: [{ ...kept, onRecord: [...kept.onRecord, 'debug.end'] }] },
    /I27 what is kept of attempt a1 is on record as/,
  ],
  [
    'a close on record before its opening',
    { kept: [{ ...kept, onRecord: ['debug.keep', 'debug.close s1', 'debug.open s1', 'debug.end'] }] },
    /I27 what is kept of attempt a1 is on record as/,
  ],
  ['a container left behind', { leftovers: ['the container x'] }, /I31 the engine still has the container x/],
];

describe('the check of a history', () => {
  it('finds nothing where nothing is wrong', () => {
    expect(checkHistory(history, sound)).toEqual([]);
  });

  it.each(PLANTED)('notices %s', (_, planted, violation) => {
    const found = checkHistory(history, { ...sound, ...planted }).map(({ invariant, what }) => `${invariant} ${what}`);
    expect(found.filter((one) => violation.test(one))).not.toEqual([]);
  });

  it('notices a line that was printed and never sent: what runner and server agree upon may still be too little', () => {
    const short = Buffer.from(countedText(COMMIT, 2));
    const agreed = {
      ...attempt,
      log: short,
      result: { outcome: 'passed', logSha256: sha256(short) },
      sealedSha256: sha256(short),
    };
    expect(checkHistory({ ...history, acknowledged: [] }, { ...sound, attempts: [agreed] })).toEqual([
      { invariant: 'I10', what: 'the log of commit/count, attempt a1, lacks some of the 3 lines that were printed' },
    ]);
  });

  it('takes an older push that was announced late for what it is', () => {
    const late: Acknowledged = { kind: 'webhook', service: 'shop', commit: COMMIT, delivery: 'd3' };
    const only = { ...history, acknowledged: [late] };
    const stored = {
      ...sound,
      deliveries: [{ id: 'd3', status: 'ignored', message: 'older' }],
      runs: sound.runs.filter(({ id }) => id === 'r3'),
      runEvents: [],
      attempts: [],
    };
    expect(checkHistory(only, stored)).toEqual([]);
    expect(checkHistory(only, { ...stored, runs: [] })).toMatchObject([{ invariant: 'I22' }]);
  });
});
