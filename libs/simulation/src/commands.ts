import { isHeld, type Actor, type RerunScope } from '@sluice/engine';
import type { Task } from './kernel/kernel.ts';
import type { Random } from './kernel/random.ts';
import { approve, changeRoles, changeSettings, reject, type GateWish } from './product/gates.ts';
import { admit, cancel, commitName, rerun, storeDelivery, type Push } from './product/planning.ts';
import { type Replica } from './product/replica.ts';
import type { TargetMood } from './surroundings/outside-target.ts';
import { PEOPLE, type World } from './world.ts';

/** How often each command is drawn. */
const WEIGHTS = {
  push: 9,
  pushFork: 2,
  admit: 3,
  redeliver: 4,
  approve: 22,
  approveStale: 3,
  reject: 1,
  cancel: 3,
  rerun: 2,
  changeSettings: 2,
  changeRole: 2,
  linkLogin: 2,
  rotateSecret: 1,
  readLog: 2,
  crashServer: 3,
  crashServerAtCommit: 6,
  startServer: 9,
  upgradeServer: 1,
  pauseServer: 1,
  skewClock: 1,
  crashRunner: 3,
  loseRunner: 1,
  startRunner: 6,
  pauseRunner: 1,
  resume: 4,
  partition: 3,
  heal: 4,
  weather: 3,
  flushQueue: 3,
  targetAccept: 4,
  targetHang: 1,
  targetFail: 1,
  targetRollBack: 1,
  advanceClock: 8,
} as const;

export type CommandKind = keyof typeof WEIGHTS;
export const COMMAND_KINDS = Object.keys(WEIGHTS) as CommandKind[];
const BAG = COMMAND_KINDS.flatMap((kind) => Array.from({ length: WEIGHTS[kind] }, () => kind));

/** `a` and `b` are read against the world of the moment; `seed` begins the chance of all that follows until the next command. */
export interface Command {
  readonly kind: CommandKind;
  readonly a: number;
  readonly b: number;
  /** Milliseconds until the next command. */
  readonly gap: number;
  readonly seed: number;
}

export function drawCommands(random: Random, count: number): Command[] {
  return Array.from({ length: count }, () => ({
    kind: random.pick(BAG)!,
    a: random.between(0, 9_999),
    b: random.between(0, 9_999),
    gap: random.chance(40) ? random.between(0, 60) : random.between(60, 2_500),
    seed: random.between(0, 0x7fffffff),
  }));
}

export function carryOut(world: World, { kind, a, b }: Command): void {
  const { kernel, network, target, store } = world;
  const at = <T>(from: readonly T[], index: number): T | undefined => from[index % Math.max(1, from.length)];
  const replica = at(world.replicas, a)!;
  const runner = at(world.runners, a)!;
  switch (kind) {
    case 'push':
    case 'pushFork':
      return push(world, a, b, kind === 'pushFork');
    case 'redeliver':
      return deliver(world, at(world.checks.pushes, a));
    case 'approve':
    case 'approveStale':
    case 'reject':
      return decide(world, kind, a, b);
    case 'admit':
      return letGo(world, a, b);
    case 'cancel': {
      const open = store.rows('runs').filter(({ state }) => state.finishedAt === undefined);
      const run = at(open.length > 0 ? open : store.rows('runs'), a);
      const by = at([PEOPLE['ann']!, PEOPLE['rita']!], b)!;
      if (run)
        ask(
          world,
          (server) => cancel(server, by, run.id),
          () => world.checks.cancelAcked(run.id),
        );
      return;
    }
    case 'rerun': {
      const run = at(store.rows('runs'), a);
      const by = at([PEOPLE['ann']!, PEOPLE['rita']!], b)!;
      if (run)
        ask(
          world,
          (server) => rerun(server, by, run.id, at(SCOPES, b)!),
          ({ runId }) => world.checks.runAcked(runId),
        );
      return;
    }
    case 'changeSettings':
      return settings(world, a, b);
    case 'changeRole': {
      const role = b % 2 === 0 ? 'viewer' : 'release-manager';
      const userId = a % 2 === 0 ? 'rafi' : 'ada';
      return ask(
        world,
        (server) => changeRoles(server, PEOPLE['ann']!, userId, [role]),
        () => undefined,
      );
    }
    case 'linkLogin':
      world.strangerIs = at([undefined, 'ann', undefined, 'rafi'], b);
      return;
    case 'rotateSecret':
      return store.change('secrets', { id: 'TOKEN', value: `secret-${String(b).padStart(4, '0')}-abcdef` });
    case 'readLog':
      return world.checks.readLog(a);
    case 'crashServer':
      return kernel.kill(replica.process);
    case 'crashServerAtCommit':
      replica.dieAt = { commits: 1 + (b % 8), when: b % 3 === 0 ? 'after' : 'before' };
      return;
    case 'startServer':
      for (const one of world.replicas) if (!one.process.alive) world.restart(one);
      return;
    case 'upgradeServer':
      world.checks.upgrade(true);
      return world.restart(replica);
    case 'pauseServer':
      return kernel.pause(replica.process);
    case 'skewClock':
      replica.skew = (b % 8_000) - 4_000;
      return;
    case 'crashRunner':
    case 'loseRunner':
      kernel.kill(runner.process);
      if (kind === 'loseRunner') runner.start(true);
      return;
    case 'startRunner':
      for (const one of world.runners) if (!one.process.alive) one.start(b % 10 === 0);
      return;
    case 'pauseRunner':
      return kernel.pause(runner.process);
    case 'resume':
      for (const one of world.replicas) kernel.resume(one.process);
      for (const one of world.runners) kernel.resume(one.process);
      return;
    case 'partition':
      network.cut.add(
        b % 2 === 0 ? runner.process.name : `${runner.process.name} ${at(world.replicas, b)!.process.name}`,
      );
      return;
    case 'heal':
      return network.cut.clear();
    case 'weather':
      network.loss = a % 3 === 0 ? b % 15 : 0;
      network.doubling = a % 2 === 0 ? b % 20 : 0;
      world.queueLoss = a % 5 === 0 ? b % 60 : 0;
      store.latency = a % 7 === 0 ? [5, 120] : [1, 6];
      return;
    case 'flushQueue':
      return world.queue.clear();
    case 'targetAccept':
    case 'targetHang':
    case 'targetFail':
    case 'targetRollBack':
      target.mood = MOODS[kind];
      return;
    case 'advanceClock':
      return kernel.runUntil(kernel.now + 1_000 + (b % 20) * 1_000 + (a % 8 === 0 ? 70_000 : 0));
  }
}

const SCOPES: readonly RerunScope[] = [
  { kind: 'all' },
  { kind: 'failed' },
  { kind: 'stage', stage: 'test' },
  { kind: 'job', job: 'build/image' },
];

const MOODS: Record<'targetAccept' | 'targetHang' | 'targetFail' | 'targetRollBack', TargetMood> = {
  targetAccept: 'accept',
  targetHang: 'hang',
  targetFail: 'fail',
  targetRollBack: 'roll-back',
};

/** A person's or a forge's call; who hears nothing tries nothing again, unless the command comes again. */
function ask<T>(world: World, handle: (replica: Replica) => Task<T>, acked: (value: T) => void): void {
  world.kernel.spawn(world.browser, asking(world, handle, acked));
}

function* asking<T>(world: World, handle: (replica: Replica) => Task<T>, acked: (value: T) => void): Task {
  const answer = yield* world.network.call(world.browser, 10_000, handle);
  if (answer.kind === 'ok') acked(answer.value);
}

function push(world: World, a: number, b: number, fork: boolean): void {
  const service = ['catalog', 'catalog', 'orders', 'orders', 'orders', 'reports'][a % 6]!;
  const repositoryId = `repo-${service}`;
  const history = world.history.get(repositoryId)!;
  const by: Actor = [PEOPLE['ann']!, PEOPLE['ann']!, PEOPLE['rita']!, PEOPLE['rafi']!, PEOPLE['stranger']!][b % 5]!;
  history.push(by);
  const one: Push = {
    key: `delivery of ${repositoryId} ${history.length - 1}`,
    repositoryId,
    commit: history.length - 1,
    by,
    trust: fork ? 'untrusted' : 'trusted',
  };
  world.checks.pushes.push(one);
  deliver(world, one);
}

/** Somebody looks at a held run, or at one that was replaced meanwhile, and lets go what they saw. */
function letGo(world: World, a: number, b: number): void {
  const held = world.store.rows('runs').filter(({ state }) => isHeld(state));
  const run = held[a % Math.max(1, held.length)]?.state;
  if (!run) return;
  const seen = b % 4 === 0 ? commitName(b % 8) : run.commit;
  const by = [PEOPLE['ann']!, PEOPLE['rita']!][b % 2]!;
  world.checks.looked(run.runId, seen);
  ask(
    world,
    (server) => admit(server, by, run.runId, seen),
    () => world.checks.admitAcked(run.runId),
  );
}

function deliver(world: World, one: Push | undefined): void {
  if (!one) return;
  ask(
    world,
    (server) => storeDelivery(server, one),
    ({ deliveryId }) => world.checks.deliveryAcked(deliveryId, one),
  );
}

function decide(world: World, kind: 'approve' | 'approveStale' | 'reject', a: number, b: number): void {
  const waiting = world.store.rows('deployments').filter(({ status }) => status === 'waiting');
  const row = waiting[a % Math.max(1, waiting.length)];
  if (!row) return;
  const userId = ['rita', 'rafi', 'ada', 'rita', 'ada', 'ann'][b % 6]!;
  const binding = kind === 'approveStale' ? `${row.binding} of yesterday` : row.binding;
  const wish: GateWish = { userId, deploymentId: row.id, binding };
  if (kind === 'reject')
    return ask(
      world,
      (server) => reject(server, wish),
      () => undefined,
    );
  ask(
    world,
    (server) => approve(server, wish, world.contributors),
    () => world.checks.approvalAcked(wish),
  );
}

function settings(world: World, a: number, b: number): void {
  const id = a % 4 === 0 ? 'staging' : 'production';
  const change = {
    gate: {
      approvals: id === 'staging' ? 0 : 1 + (b % 2),
      roles: ['release-manager', 'admin'] as const,
      noSelfApproval: b % 5 !== 0,
    },
    target: ['first', 'second', 'third'][a % 3]!,
  };
  ask(
    world,
    (server) => changeSettings(server, PEOPLE['ada']!, id, change),
    () => undefined,
  );
}
