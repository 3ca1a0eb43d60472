import type { DockerAction, DockerMemory, DockerWorld, NewContainer, OldContainer, Refusal } from '../docker-world.ts';
import { isUp } from '../docker-world.ts';
import type { DockerPlan, DockerStep } from '../next-docker-action.ts';
import { nextDockerAction } from '../next-docker-action.ts';

export const PLAN: DockerPlan = {
  image: 'registry.example.com/shop/catalog@sha256:new',
  repoDigest: 'registry.example.com/shop/catalog@sha256:new',
  digest: 'sha256:new',
  network: 'sluice',
  healthPath: '/healthz',
  healthTimeoutSeconds: 30,
};
export const BEGIN = '2026-01-01T00:00:00.000Z';

export function newContainer(values: Partial<NewContainer> = {}): NewContainer {
  return {
    id: 'new',
    state: 'running',
    exitCode: null,
    outOfMemory: false,
    restarts: 0,
    startedAt: '2030-01-01T00:00:00Z',
    imageId: 'image-new',
    digest: PLAN.digest,
    health: null,
    probe: { ok: false, text: 'GET /healthz answered 503' },
    log: 'listening',
    ...values,
  };
}

export function oldContainer(state: OldContainer['state'], id = 'old'): OldContainer {
  return { id, name: `sluice-catalog-production-${id}`, state };
}

export type Fate = 'healthy-soon' | 'never-healthy' | 'exits' | 'does-not-start';

/** Where the driver dies in a turn; the next one begins with what was stored. */
export type Crash = 'none' | 'before-intention' | 'before-act' | 'after-act';

/** An engine in memory, and the driver's way of treating it. */
export class SimulatedEngine {
  readonly #fate: Fate;
  readonly #refuses: (action: DockerAction) => boolean;
  world: DockerWorld;
  memory: DockerMemory = {};
  nowMs = Date.parse(BEGIN);
  creates = 0;
  #looksRunning = 0;
  #starts = 0;

  constructor(world: DockerWorld, fate: Fate, refuses: (action: DockerAction) => boolean = () => false) {
    this.world = world;
    this.#fate = fate;
    this.#refuses = refuses;
  }

  get running(): string[] {
    const { mine, others } = this.world;
    return [
      ...(mine && isUp(mine.state) ? [mine.id] : []),
      ...others.filter(({ state }) => isUp(state)).map(({ id }) => id),
    ];
  }

  /** The engine restarts: what ran runs again with a new start time. */
  restart(): void {
    if (this.world.mine?.state === 'running') this.#setMine({ startedAt: `start-${(this.#starts += 1)}` });
  }

  /** One turn of the driver. Gives the step's end when there is one. */
  turn(crash: Crash): Extract<DockerStep, { kind: 'ended' }> | undefined {
    this.#live();
    const step = nextDockerAction(this.world, PLAN, this.memory, new Date(this.nowMs).toISOString());
    if (crash === 'before-intention') return undefined;
    if (step.kind === 'ended') return step;
    if (step.kind === 'unknown') this.nowMs = Date.parse(step.until);
    if (step.kind === 'wait') {
      this.memory = step.memory ?? this.memory;
      this.nowMs = Math.max(this.nowMs, Date.parse(step.until));
    }
    if (step.kind !== 'act') return undefined;
    this.memory = step.memory;
    if (crash === 'before-act') return undefined;
    this.nowMs += 10;
    const refused = this.#refuses(step.action);
    if (!refused) this.#act(step.action);
    if (crash === 'after-act') return undefined;
    if (refused || (step.action.name === 'start' && this.#fate === 'does-not-start')) this.#note(step.action);
    else if (step.action.name === 'create') this.memory = { ...this.memory, created: 'new' };
    return undefined;
  }

  #note({ name }: DockerAction): void {
    const known = this.memory.refusals?.[name];
    const now = new Date(this.nowMs).toISOString();
    const refusal: Refusal = {
      count: (known?.count ?? 0) + 1,
      first: known?.first ?? now,
      last: now,
      text: 'no',
      final: false,
    };
    this.memory = { ...this.memory, refusals: { ...this.memory.refusals, [name]: refusal } };
  }

  #live(): void {
    if (this.world.mine?.state !== 'running') return;
    this.#looksRunning += 1;
    if (this.#fate === 'healthy-soon' && this.#looksRunning > 2)
      this.#setMine({ probe: { ok: true, text: 'GET /healthz answered 200' } });
    if (this.#fate === 'exits' && this.#looksRunning > 1)
      this.#setMine({ state: 'restarting', restarts: 1, exitCode: 3 });
  }

  #act(action: DockerAction): void {
    switch (action.name) {
      case 'pull':
        this.world = { ...this.world, image: { id: 'image-new', repoDigests: [PLAN.repoDigest] } };
        return;
      case 'ensure-network':
        this.world = { ...this.world, networkExists: true };
        return;
      case 'create':
        if (this.world.mine === null) this.creates += 1;
        this.world = {
          ...this.world,
          mine: this.world.mine ?? newContainer({ state: 'created', startedAt: null, probe: null }),
        };
        return;
      case 'start':
        if (this.#fate !== 'does-not-start')
          this.#setMine({ state: 'running', startedAt: `start-${(this.#starts += 1)}` });
        return;
      case 'stop-old':
        return this.#setOld(action.id, 'exited');
      case 'start-old':
        return this.#setOld(action.id, 'running');
      case 'remove-old':
        this.world = { ...this.world, others: this.world.others.filter(({ id }) => id !== action.id) };
        return;
      case 'remove-new':
        this.world = { ...this.world, mine: null };
        return;
    }
  }

  #setMine(change: Partial<NewContainer>): void {
    if (this.world.mine) this.world = { ...this.world, mine: { ...this.world.mine, ...change } };
  }

  #setOld(id: string, state: OldContainer['state']): void {
    this.world = { ...this.world, others: this.world.others.map((old) => (old.id === id ? { ...old, state } : old)) };
  }
}
