import { join } from 'node:path';
import { WorkTree, type Api, type EngineDoor, type RunnerProcess } from '@sluice/testing';
import type { EnvironmentPlan } from '../world/environments.ts';
import type { Supervision } from '../world/server-group.ts';
import type { ConnectedRepository } from '../world/services.ts';
import type { World } from '../world/world.ts';
import type { Scenario } from './scenario.ts';

export type RunDetail = Awaited<ReturnType<Api['runs']['getRun']>>;
export type GateCard = Awaited<ReturnType<Api['lanes']['getApproval']>>;

export interface Push {
  readonly name: string;
  readonly repository: string;
  readonly commit: string;
  readonly before: string;
  readonly ref: string;
  readonly by: string;
  /** What git and the host's hook printed. */
  readonly output: string;
}

/** A person in whose eyes everything of the team can be read. */
const READER = 'vera';
const ABSENT = '0'.repeat(40);

/** A scenario being played in a world: what its steps share. */
export class Scene {
  readonly world: World;
  readonly scenario: Scenario;
  readonly environments: readonly EnvironmentPlan[];
  readonly repositories: ReadonlyMap<string, ConnectedRepository>;
  readonly ownRunner: RunnerProcess | undefined;
  /** The only way that the own runner has to the engine. */
  readonly door: EngineDoor | undefined;
  readonly pushes = new Map<string, Push>();
  /** Gate cards that somebody has looked at, by the name the scenario gave. */
  readonly cards = new Map<string, GateCard>();
  supervision: Supervision | undefined;
  readonly #ends: (() => Promise<unknown>)[] = [];
  #lastPush: Push | undefined;

  constructor(
    world: World,
    scenario: Scenario,
    parts: {
      environments: readonly EnvironmentPlan[];
      repositories: ReadonlyMap<string, ConnectedRepository>;
      ownRunner: RunnerProcess | undefined;
      door?: EngineDoor | undefined;
    },
  ) {
    this.world = world;
    this.scenario = scenario;
    this.environments = parts.environments;
    this.repositories = parts.repositories;
    this.ownRunner = parts.ownRunner;
    this.door = parts.door;
  }

  /** Something to be undone when the scenario is over, however it ends. */
  atEnd(undo: () => Promise<unknown>): void {
    this.#ends.push(undo);
  }

  async end(): Promise<void> {
    for (const undo of this.#ends.reverse()) await undo();
  }

  get reader(): Api {
    return this.world.api(READER);
  }

  get mainService(): string {
    return this.scenario.services[0]!.name;
  }

  repository(name?: string): ConnectedRepository {
    const found = this.repositories.get(name ?? this.scenario.services[0]!.repository);
    if (found === undefined) throw new Error(`The scenario has no repository ${name}.`);
    return found;
  }

  /** The developer's clone of a repository. */
  workTree(repository: string): WorkTree {
    return new WorkTree(join(this.world.folder, 'work', repository), {
      name: 'Dana Okafor',
      email: 'dana@example.com',
    });
  }

  remember(push: Omit<Push, 'before'> & { before?: string }): Push {
    const earlier = [...this.pushes.values()]
      .filter(({ repository, ref }) => repository === push.repository && ref === push.ref)
      .at(-1);
    const whole = { ...push, before: push.before ?? earlier?.commit ?? ABSENT };
    this.pushes.set(push.name, whole);
    this.#lastPush = whole;
    return whole;
  }

  push(name?: string): Push {
    const found = name === undefined ? this.#lastPush : this.pushes.get(name);
    if (found === undefined) throw new Error(`The scenario has not pushed ${name ?? 'anything'} yet.`);
    return found;
  }

  /** Reads a run; undefined while there is none. */
  async findRun(
    service: string | undefined,
    reference: number | string | undefined,
    api = this.reader,
  ): Promise<RunDetail | undefined> {
    const slug = service ?? this.mainService;
    if (typeof reference === 'number') return api.runs.getRun({ service: slug, number: reference });
    const { commit } = this.push(reference);
    const { items } = await api.runs.listRuns({ service: slug, limit: 50 });
    const found = items.find((run) => run.commit === commit);
    return found && api.runs.getRun({ service: slug, number: found.number });
  }

  async run(service: string | undefined, reference: number | string | undefined): Promise<RunDetail> {
    const found = await this.findRun(service, reference);
    if (found === undefined)
      throw new Error(`There is no run of ${service ?? this.mainService} for ${reference ?? 'the last push'}.`);
    return found;
  }

  environment(name: string): EnvironmentPlan {
    const found = this.environments.find((environment) => environment.name === name);
    if (found === undefined) throw new Error(`The scenario has no environment ${name}.`);
    return found;
  }
}
