import { generatesTo, type Actor, type Contributor, type ContributorFacts } from '@sluice/engine';
import { Kernel, Process } from './kernel/kernel.ts';
import { Random } from './kernel/random.ts';
import { Store } from './kernel/store.ts';
import { SERVICE_LIMITS, SERVICES, TEAM_LIMITS, TEAM_OF } from './product/definitions.ts';
import { dispatch } from './product/dispatch.ts';
import { serve } from './product/serve.ts';
import { Replica, type Installation } from './product/replica.ts';
import type { ReadContributors } from './product/gates.ts';
import { UNIQUE_KEYS, type Tables } from './product/tables.ts';
import type { Wiring } from './product/wiring.ts';
import { Network } from './surroundings/network.ts';
import { OutsideTarget } from './surroundings/outside-target.ts';
import { Runner, type Work } from './surroundings/runner.ts';
import { Checks } from './checks/checks.ts';
import { commitName } from './product/planning.ts';

/** Failures that a server answers with a 5xx; anything else is a fault of the simulation itself. */
const EXPECTED = new Set(['Refused', 'DeadlockError', 'UniqueViolation', 'TargetSilentError']);

export const PEOPLE: Record<string, Actor> = {
  ann: { kind: 'user', userId: 'ann', name: 'Ann' },
  rita: { kind: 'user', userId: 'rita', name: 'Rita' },
  rafi: { kind: 'user', userId: 'rafi', name: 'Rafi' },
  ada: { kind: 'user', userId: 'ada', name: 'Ada' },
  stranger: { kind: 'forge', name: 'somebody' },
};

/** One installation and everything around it, under one virtual clock. */
export class World {
  readonly random: Random;
  readonly kernel: Kernel;
  readonly store: Store<Tables>;
  readonly replicas: readonly Replica[];
  readonly network: Network;
  readonly target: OutsideTarget;
  readonly runners: readonly Runner[];
  readonly browser = new Process('browser');
  readonly checks: Checks;
  /** Who pushed which commit, by repository: the history that git shows. */
  readonly history = new Map<string, Actor[]>();
  /** The person whose identity the stranger's login is; undefined = it is linked to nobody. */
  strangerIs: string | undefined = 'ann';
  /** Wake-ups under way. */
  readonly queue = new Set<string>();
  queueLoss = 0;
  #ids = 0;

  constructor(seed: number, wiring: Wiring, note: (line: string) => void) {
    this.random = new Random(seed);
    this.kernel = new Kernel((error, process) => {
      if (!EXPECTED.has(error.name)) this.checks.crashed(error, process.name);
    });
    const { kernel, random } = this;
    const unique = wiring.guards.attemptNumbers ? UNIQUE_KEYS : { ...UNIQUE_KEYS, attempts: () => [] };
    this.store = new Store<Tables>(kernel, random, unique, (changes, unit) => this.checks.committed(changes, unit));
    this.checks = new Checks(this.store, note);
    const at: Installation = {
      kernel,
      random,
      store: this.store,
      wiring,
      queue: { add: (poolId) => this.#wake(poolId) },
      notifications: {
        notify: (replicaId, pollId) => {
          if (random.chance(this.queueLoss)) return;
          kernel.at(kernel.now + random.between(1, 40), () => {
            const replica = this.replicas.find(({ id, process }) => id === replicaId && process.alive);
            replica?.waiting.get(pollId)?.give();
          });
        },
      },
      newId: (prefix) => `${prefix}-${String(++this.#ids).padStart(5, '0')}`,
    };
    this.replicas = ['server-a', 'server-b'].map((name) => new Replica(new Process(name), at));
    this.network = new Network(kernel, random, this.replicas);
    this.target = new OutsideTarget(kernel, random);
    this.checks.pushed = (image, digest) => void this.target.tags.set(image.slice(image.lastIndexOf('/') + 1), digest);
    this.target.onCreate = (intent, driver, seen) => this.checks.created(intent, driver, seen);
    this.runners = this.#furnish();
    for (const replica of this.replicas) serve(replica, this.target);
    for (const runner of this.runners) runner.start(false);
  }

  readonly contributors: ReadContributors = (release, live): ContributorFacts => {
    const repository = this.store.get('services', release.serviceId)!.repositoryId;
    const commits = this.history.get(repository) ?? [];
    const to = commits.findIndex((_, index) => commitName(index) === release.commit);
    const from = live ? commits.findIndex((_, index) => commitName(index) === live.commit) : -1;
    const hands: Contributor[] = [];
    const add = (part: Contributor['part'], by: Actor) => {
      const userId = by.name === PEOPLE['stranger']!.name ? this.strangerIs : by.userId;
      hands.push({ part, identity: by.name, ...(userId !== undefined && { userId }) });
    };
    for (let index = from + 1; index <= to; index += 1) if (commits[index]) add('pushed', commits[index]!);
    const names = new Set(commits.map((_, index) => commitName(index)).slice(from + 1, to + 1));
    for (const { state } of this.store.rows('runs'))
      if (state.serviceId === release.serviceId && names.has(state.commit)) add('triggered', state.trigger.by);
    // Every hand of the release's own chain, also when the commit is not newer than what is live.
    let run = this.store.get('runs', release.runId)?.state;
    while (run) {
      add('triggered', run.trigger.by);
      run = run.trigger.rerunOf === undefined ? undefined : this.store.get('runs', run.trigger.rerunOf)?.state;
    }
    return { since: live?.deploymentId ?? null, contributors: hands };
  };

  restart(replica: Replica): void {
    this.kernel.kill(replica.process);
    serve(replica, this.target);
  }

  /** Everything is mended and stays so. */
  heal(): void {
    this.network.loss = 0;
    this.network.doubling = 0;
    this.network.cut.clear();
    this.queueLoss = 0;
    this.target.mood = 'accept';
    this.store.latency = [1, 6];
    for (const replica of this.replicas) {
      replica.dieAt = undefined;
      replica.skew = 0;
      if (!replica.process.alive) serve(replica, this.target);
      else this.kernel.resume(replica.process);
    }
    for (const runner of this.runners) {
      if (!runner.process.alive) runner.start(false);
      else this.kernel.resume(runner.process);
    }
  }

  #wake(poolId: string): void {
    const { kernel, random } = this;
    if (random.chance(this.queueLoss)) return;
    for (let copy = random.chance(this.queueLoss) ? 2 : 1; copy > 0; copy -= 1) {
      const message = `wake ${kernel.now} ${copy} ${poolId}`;
      this.queue.add(message);
      kernel.at(kernel.now + random.between(1, 50), () => {
        if (!this.queue.delete(message)) return;
        const replica = random.pick(this.replicas.filter(({ process }) => process.alive && !process.paused));
        if (replica) kernel.spawn(replica.process, dispatch(replica, poolId));
      });
    }
  }

  #furnish(): Runner[] {
    const { store } = this;
    for (const [id, maxRunning] of Object.entries(TEAM_LIMITS)) store.change('teams', { id, maxRunning });
    for (const name of SERVICES) {
      store.change('repositories', { id: `repo-${name}` });
      store.change('services', {
        id: name,
        teamId: TEAM_OF[name],
        repositoryId: `repo-${name}`,
        nextRunNumber: 1,
        maxRunning: SERVICE_LIMITS[name],
      });
      this.history.set(`repo-${name}`, []);
    }
    const member = (id: string, roles: Tables['memberships']['roles']) =>
      store.change('memberships', { id, userId: id, name: PEOPLE[id]!.name, roles });
    member('ann', ['developer']);
    member('rita', ['release-manager']);
    member('rafi', ['viewer', 'release-manager']);
    member('ada', ['admin']);
    for (const name of ['staging', 'production']) {
      const gate = {
        approvals: name === 'staging' ? 0 : 2,
        roles: ['release-manager', 'admin'] as const,
        noSelfApproval: true,
      };
      store.change('environments', {
        id: name,
        name,
        gate,
        target: 'first',
        settingsHash: JSON.stringify({ gate, target: 'first' }),
      });
    }
    store.change('secrets', { id: 'TOKEN', value: 'secret-000-abcdef' });
    store.change('pools', { id: 'shared', teamId: null, trust: 'trusted', labels: [] });
    store.change('pools', { id: 'gpu', teamId: 'data', trust: 'trusted', labels: ['gpu'] });
    store.change('pools', { id: 'outside', teamId: null, trust: 'untrusted', labels: [] });
    return (
      [
        ['runner-1', 'shared', 3],
        ['runner-2', 'shared', 2],
        ['runner-3', 'gpu', 2],
        ['runner-4', 'outside', 2],
      ] as const
    ).map(([id, poolId, slots]) => {
      store.change('runners', { id, poolId, slots });
      return new Runner(id, slots, this.kernel, this.random, this.network, this.checks, (_, lease) => {
        const row = store.get('attempts', lease.attemptId)!;
        const job = store.get('runs', row.runId)!.state.plan.jobs.find(({ key }) => key === row.jobKey)!;
        const secret = job.secrets.length > 0 && row.trust === 'trusted' ? store.get('secrets', 'TOKEN')!.value : null;
        return {
          image: job.work.kind === 'image' ? job.work.spec.repository : null,
          secret,
          outputs: job.outputs,
          generates: generatesTo(job) !== undefined,
        } satisfies Work;
      });
    });
  }
}
