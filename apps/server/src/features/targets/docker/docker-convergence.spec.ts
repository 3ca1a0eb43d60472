import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DockerAction, DockerWorld } from './docker-world.ts';
import { PLAN, SimulatedEngine, oldContainer, type Crash, type Fate } from './testing/simulated-engine.ts';

const crash = fc.constantFrom<Crash>('none', 'none', 'none', 'before-intention', 'before-act', 'after-act');
const moves = fc.array(fc.record({ crash, engineRestarts: fc.boolean() }), { maxLength: 60 });
const fates = fc.constantFrom<Fate>('healthy-soon', 'never-healthy', 'exits', 'does-not-start');
const leftovers = fc.array(fc.constantFrom('exited', 'created', 'dead'), { maxLength: 2 });
const worlds = fc
  .record({ running: fc.boolean(), leftovers, image: fc.boolean(), networkExists: fc.boolean() })
  .map((made): DockerWorld => ({
    image: made.image ? { id: 'image-new', repoDigests: [PLAN.repoDigest] } : null,
    networkExists: made.networkExists,
    mine: null,
    others: [
      ...made.leftovers.map((state, index) => oldContainer(state as 'exited', `left-${index}`)),
      ...(made.running ? [oldContainer('running', 'live')] : []),
    ],
  }));

/** Crashes and engine restarts as listed, then undisturbed turns to the end. */
function drive(engine: SimulatedEngine, disturbances: readonly { crash: Crash; engineRestarts: boolean }[]) {
  for (let turn = 0; turn < 2_000; turn += 1) {
    const disturbance = disturbances[turn];
    // A bounded number: an engine that restarts for ever gives no service its time.
    if (disturbance?.engineRestarts && turn < 3) engine.restart();
    const end = engine.turn(disturbance?.crash ?? 'none');
    expect(engine.running.length, 'containers running at once').toBeLessThanOrEqual(1);
    expect(engine.creates, 'containers created').toBeLessThanOrEqual(1);
    if (end) return end;
  }
  throw new Error(`no end: ${JSON.stringify({ world: engine.world, memory: engine.memory })}`);
}

describe('the docker target converges from any world through any crashes (F09, F10, F12, I18)', () => {
  it('to the new container alone when it is healthy', () => {
    fc.assert(
      fc.property(worlds, moves, (world, disturbances) => {
        const engine = new SimulatedEngine(world, 'healthy-soon');
        expect(drive(engine, disturbances).outcome).toBe('passed');
        expect(engine.running).toEqual(['new']);
        expect(engine.world.others).toEqual([]);
      }),
      { numRuns: 2_000 },
    );
  });

  it('to what ran before when it is not, and says failed only when nothing ran', () => {
    const unhealthy = fates.filter((fate) => fate !== 'healthy-soon');
    fc.assert(
      fc.property(worlds, unhealthy, moves, (world, fate, disturbances) => {
        const engine = new SimulatedEngine(world, fate);
        const live =
          world.others.find(({ state }) => state === 'running') ?? world.others.find(({ state }) => state === 'exited');
        expect(drive(engine, disturbances).outcome).toBe(live ? 'rolled-back' : 'failed');
        expect(engine.running).toEqual(live ? [live.id] : []);
        expect(engine.world.mine).toBeNull();
      }),
      { numRuns: 2_000 },
    );
  });

  it('to one running container, or none where there was none, when the engine refuses things now and then', () => {
    fc.assert(
      fc.property(
        worlds,
        fates,
        moves,
        fc.array(fc.boolean(), { minLength: 30, maxLength: 30 }),
        (world, fate, disturbances, refusals) => {
          const left = [...refusals];
          // What must be able to succeed in the end: more refusals than these end as `unknown` or `failed` by design.
          const patient = new Map<DockerAction['name'], number>([
            ['remove-new', 4],
            ['start-old', 5],
            ['stop-old', 2],
            ['remove-old', 2],
          ]);
          const engine = new SimulatedEngine(world, fate, ({ name }) => {
            const allowance = patient.get(name);
            if (allowance === 0) return false;
            const no = left.pop() ?? false;
            if (no && allowance !== undefined) patient.set(name, allowance - 1);
            return no;
          });
          const { outcome } = drive(engine, disturbances);
          const before = world.others.some(({ state }) => state === 'running');
          if (outcome === 'passed') expect(engine.running).toEqual(['new']);
          else if (before) expect(engine.running).toEqual(['live']);
          else if (outcome !== 'rolled-back') expect(engine.running).toEqual([]);
          else expect(engine.running).toHaveLength(1);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
