import { describe, expect, it } from 'vitest';
import type { DockerMemory, DockerWorld, Failure, NewContainer } from './docker-world.ts';
import { nextDockerAction, type DockerStep } from './next-docker-action.ts';
import { BEGIN, PLAN, newContainer, oldContainer } from './testing/simulated-engine.ts';

const IMAGE = { id: 'image-new', repoDigests: [PLAN.repoDigest] };
const at = (seconds: number) => new Date(Date.parse(BEGIN) + seconds * 1000).toISOString();
const world = (values: Partial<DockerWorld> = {}): DockerWorld => ({
  image: IMAGE,
  networkExists: true,
  mine: null,
  others: [],
  ...values,
});
const created = newContainer({ state: 'created', startedAt: null, probe: null });
const healthy: Partial<NewContainer> = { probe: { ok: true, text: 'GET /healthz answered 200' } };
const PREVIOUS: DockerMemory = {
  previous: { id: 'old', name: 'sluice-catalog-production-old' },
  created: 'new',
  touched: true,
};
const STARTED: DockerMemory = { ...PREVIOUS, startedAt: BEGIN, healthUntil: at(30), seenStart: '2030-01-01T00:00:00Z' };
const FAILURE: Failure = { outcome: 'failed', code: 'not-healthy', why: 'It was not healthy.', log: 'boom' };
const GIVEN_UP: DockerMemory = { ...STARTED, verdict: FAILURE };
const refused = (action: string, count: number, values: object = {}): DockerMemory => ({
  refusals: { [action]: { count, first: BEGIN, last: BEGIN, text: 'no such thing', final: false, ...values } },
});

function shape(step: DockerStep): string {
  if (step.kind === 'act') return 'id' in step.action ? `${step.action.name} ${step.action.id}` : step.action.name;
  if (step.kind === 'ended') return `${step.outcome}${step.reason === null ? '' : ` (${step.reason.code})`}`;
  if (step.kind === 'unknown') return `unknown (${step.reason.code})`;
  return `wait ${(Date.parse(step.until) - Date.parse(BEGIN)) / 1000}`;
}

const TABLE: [string, DockerWorld, DockerMemory, number, string][] = [
  ['nothing is there: pulls by digest', world({ image: null, networkExists: false }), {}, 0, 'pull'],
  ['the image is there: makes the network', world({ networkExists: false }), {}, 0, 'ensure-network'],
  [
    'the network is there: creates before the old one stops',
    world({ others: [oldContainer('running')] }),
    {},
    0,
    'create',
  ],
  ['F66 a failed pull waits', world({ image: null }), refused('pull', 3), 1, 'wait 4'],
  ['F66 and is tried again', world({ image: null }), refused('pull', 3), 4, 'pull'],
  [
    'F66 up to a limit, with nothing touched',
    world({ image: null, others: [oldContainer('running')] }),
    refused('pull', 9),
    300,
    'errored (image-not-pulled)',
  ],
  [
    'an image that the registry does not have ends at once',
    world({ image: null }),
    refused('pull', 1, { final: true }),
    0,
    'errored (image-not-pulled)',
  ],
  [
    'I15 another digest under the name is refused',
    world({ image: { id: 'x', repoDigests: ['registry.example.com/shop/catalog@sha256:other'] } }),
    {},
    0,
    'errored (digest-drift)',
  ],
  [
    'I15 a container of another image is not used',
    world({ mine: newContainer({ imageId: 'other' }) }),
    STARTED,
    1,
    'remove-new new',
  ],
  [
    'I15 a container with another digest label is not used',
    world({ mine: newContainer({ digest: 'sha256:other' }) }),
    STARTED,
    1,
    'remove-new new',
  ],
  [
    'a refused container leaves what runs',
    world({ others: [oldContainer('running')] }),
    refused('create', 1),
    0,
    'errored (container-refused)',
  ],
  [
    'created: stops the old one',
    world({ mine: created, others: [oldContainer('running')] }),
    PREVIOUS,
    0,
    'stop-old old',
  ],
  [
    'created: stops a restarting old one too',
    world({ mine: created, others: [oldContainer('restarting')] }),
    PREVIOUS,
    0,
    'stop-old old',
  ],
  [
    'F63 an old one that does not stop',
    world({ mine: created, others: [oldContainer('running')] }),
    { ...PREVIOUS, ...refused('stop-old', 3) },
    9,
    'remove-new new',
  ],
  [
    'F63 then leaves it serving',
    world({ others: [oldContainer('running')] }),
    { ...GIVEN_UP },
    9,
    'rolled-back (not-healthy)',
  ],
  [
    'created, the old one stopped: starts',
    world({ mine: created, others: [oldContainer('exited')] }),
    PREVIOUS,
    0,
    'start new',
  ],
  ['F10 created by a driver that died before it could say so: adopted', world({ mine: created }), {}, 0, 'start new'],
  [
    'a start that is refused',
    world({ mine: created, others: [oldContainer('exited')] }),
    { ...PREVIOUS, ...refused('start', 1) },
    1,
    'remove-new new',
  ],
  [
    'running, not yet healthy',
    world({ mine: newContainer(), others: [oldContainer('exited')] }),
    STARTED,
    1,
    'wait 1.3',
  ],
  [
    'running beside an old one: never two',
    world({ mine: newContainer(healthy), others: [oldContainer('running')] }),
    STARTED,
    1,
    'stop-old old',
  ],
  [
    'healthy: the old one goes',
    world({ mine: newContainer(healthy), others: [oldContainer('exited')] }),
    STARTED,
    1,
    'remove-old old',
  ],
  ['healthy at the last look counts after the deadline', world({ mine: newContainer(healthy) }), STARTED, 99, 'passed'],
  ['healthy, first release', world({ mine: newContainer(healthy) }), { ...STARTED, previous: null }, 1, 'passed'],
  [
    'the deadline passes',
    world({ mine: newContainer(), others: [oldContainer('exited')] }),
    STARTED,
    30,
    'remove-new new',
  ],
  [
    'it ends by itself',
    world({ mine: newContainer({ state: 'restarting', restarts: 1, exitCode: 3 }) }),
    STARTED,
    1,
    'remove-new new',
  ],
  [
    'F64 stopped with its engine: waits for it',
    world({ mine: newContainer({ state: 'exited', exitCode: 143 }) }),
    STARTED,
    1,
    'wait 2',
  ],
  [
    'F64 still stopped at the deadline',
    world({ mine: newContainer({ state: 'exited', exitCode: 143 }) }),
    STARTED,
    30,
    'remove-new new',
  ],
  [
    'F64 started again by its engine: gets its time anew',
    world({ mine: newContainer({ startedAt: 'later' }) }),
    STARTED,
    30,
    'wait 30.3',
  ],
  ['someone removed the new one: back', world({ others: [oldContainer('exited')] }), STARTED, 1, 'start-old old'],
  [
    'given up, the new one gone: starts the old one',
    world({ others: [oldContainer('exited')] }),
    GIVEN_UP,
    40,
    'start-old old',
  ],
  [
    'given up, the old one runs',
    world({ others: [oldContainer('running')] }),
    GIVEN_UP,
    40,
    'rolled-back (not-healthy)',
  ],
  ['given up, first release', world(), { ...GIVEN_UP, previous: null }, 40, 'failed (not-healthy)'],
  ['given up, the previous one was removed by someone', world(), GIVEN_UP, 40, 'failed (not-healthy)'],
  [
    'given up, another one runs beside',
    world({ others: [oldContainer('exited'), oldContainer('running', 'odd')] }),
    GIVEN_UP,
    40,
    'stop-old odd',
  ],
  [
    'the old one does not start: waits',
    world({ others: [oldContainer('exited')] }),
    { ...GIVEN_UP, ...refused('start-old', 2) },
    1,
    'wait 2',
  ],
  [
    'the old one never starts',
    world({ others: [oldContainer('exited')] }),
    { ...GIVEN_UP, ...refused('start-old', 6) },
    90,
    'failed (not-healthy)',
  ],
  [
    'the new one cannot be removed',
    world({ mine: newContainer() }),
    { ...GIVEN_UP, ...refused('remove-new', 5) },
    90,
    'unknown (new-container-stays)',
  ],
  [
    'the verdict stands when a later look is healthy',
    world({ mine: newContainer(healthy) }),
    GIVEN_UP,
    40,
    'remove-new new',
  ],
  [
    'the verdict stands when a later look is not',
    world({ mine: newContainer(), others: [oldContainer('exited')] }),
    { ...STARTED, verdict: 'healthy' },
    1,
    'remove-old old',
  ],
  [
    'healthy, then it ended while the old one was still kept',
    world({ mine: newContainer({ state: 'exited' }), others: [oldContainer('exited')] }),
    { ...STARTED, verdict: 'healthy' },
    1,
    'remove-new new',
  ],
  [
    'healthy, then it ended and nothing is left',
    world({ mine: newContainer({ state: 'exited' }) }),
    { ...STARTED, verdict: 'healthy' },
    1,
    'failed (stopped-again)',
  ],
  [
    'a stopped old one that cannot be removed does not fail a healthy release',
    world({ mine: newContainer(healthy), others: [oldContainer('exited')] }),
    { ...STARTED, ...refused('remove-old', 3) },
    9,
    'passed',
  ],
];

describe('nextDockerAction', () => {
  it.each(TABLE)('%s', (_, seen, memory, seconds, expected) => {
    expect(shape(nextDockerAction(seen, PLAN, memory, at(seconds)))).toBe(expected);
  });

  it('goes back to what runs, else to what ran last, never to what never started', () => {
    const remembered = (...others: DockerWorld['others'][number][]) => {
      const step = nextDockerAction(world({ others }), PLAN, {}, BEGIN);
      return step.kind === 'act' ? (step.memory['previous'] as { id: string } | null)?.id : 'no step';
    };
    expect(remembered(oldContainer('exited', 'newer'), oldContainer('running', 'older'))).toBe('older');
    expect(
      remembered(oldContainer('created', 'never'), oldContainer('exited', 'last'), oldContainer('exited', 'first')),
    ).toBe('last');
    expect(remembered(oldContainer('created', 'never'))).toBeUndefined();
  });

  it('says why, what runs now, and the last lines of the log', () => {
    const step = nextDockerAction(world({ others: [oldContainer('running')] }), PLAN, GIVEN_UP, at(40));
    expect(step).toMatchObject({
      reason: {
        message:
          'It was not healthy. The previous container sluice-catalog-production-old runs again.\nLast lines of its log:\nboom',
      },
    });
  });

  it('stores a verdict before it acts on it, so that a crash cannot turn it around', () => {
    const others = [oldContainer('exited')];
    const good = nextDockerAction(world({ mine: newContainer(healthy), others }), PLAN, STARTED, at(1));
    expect(good).toMatchObject({ action: { name: 'remove-old' }, memory: { verdict: 'healthy' } });
    const bad = nextDockerAction(world({ mine: newContainer(), others }), PLAN, STARTED, at(30));
    expect(bad).toMatchObject({
      action: { name: 'remove-new' },
      memory: { verdict: { code: 'not-healthy', log: 'listening' } },
    });
  });

  it('F65 tells a memory limit from another end', () => {
    const mine = newContainer({ state: 'restarting', restarts: 1, exitCode: 137, outOfMemory: true });
    const step = nextDockerAction(world({ mine }), PLAN, STARTED, at(1));
    expect(step).toMatchObject({ memory: { verdict: { code: 'out-of-memory' } } });
  });

  it("asks the engine's health state when there is no path, and staying up when there is no check", () => {
    const plan = { ...PLAN, healthPath: null };
    const decide = (health: NewContainer['health'], seconds: number) =>
      shape(nextDockerAction(world({ mine: newContainer({ health, probe: null }) }), plan, STARTED, at(seconds)));
    expect(decide('starting', 6)).toBe('wait 6.3');
    expect(decide('healthy', 1)).toBe('passed');
    expect(decide('unhealthy', 1)).toBe('remove-new new');
    expect(decide(null, 4)).toBe('wait 4.3');
    expect(decide(null, 5)).toBe('passed');
  });
});
