import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { eventually, WorkTree, type Api } from '@sluice/testing';
import { connectRepository, registerService, type ConnectedRepository } from '../world/services.ts';
import type { World } from '../world/world.ts';

export type RunDetail = Awaited<ReturnType<Api['runs']['getRun']>>;

/** Waiting any longer would change nothing. */
class Otherwise extends Error {}

/** A service of the bench with a repository of its own; each push makes one run. */
export class BenchService {
  readonly slug: string;
  readonly tree: WorkTree;
  readonly repository: ConnectedRepository;
  readonly #world: World;
  readonly #api: Api;

  private constructor(world: World, slug: string, repository: ConnectedRepository) {
    this.repository = repository;
    this.#world = world;
    this.#api = world.api('dana');
    this.slug = slug;
    this.tree = new WorkTree(join(world.folder, 'work', slug), { name: 'Dana', email: 'dana@example.com' });
  }

  /** `announced`: its pushes make runs by themselves. */
  static async create(
    world: World,
    slug: string,
    files: Readonly<Record<string, string>>,
    announced = true,
  ): Promise<BenchService> {
    const repository = await connectRepository(world.admin(), world.gitHost, world.servers.url, slug, { announced });
    const service = new BenchService(world, slug, repository);
    await registerService(world.admin(), slug, repository, '.');
    await service.tree.init();
    service.write(files);
    return service;
  }

  write(files: Readonly<Record<string, string>>): void {
    for (const [name, text] of Object.entries(files)) {
      const path = join(this.tree.folder, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text.replaceAll('REGISTRY', this.#world.parts.registry.host));
    }
  }

  async push(message = 'bench'): Promise<string> {
    const commit = await this.tree.commitAll(message);
    await this.tree.push(this.#world.gitHost.repositoryUrl(this.slug, 'dana'));
    return commit;
  }

  /** The run of a commit, when `isDone` says so; a run that stops otherwise is an error. */
  async follow(
    commit: string,
    isDone: (run: RunDetail) => boolean = (run) => run.status === 'passed',
    everyMs = 100,
  ): Promise<RunDetail> {
    return eventually(
      async () => {
        const { items } = await this.#api.runs.listRuns({ service: this.slug, limit: 5 });
        const found = items.find((run) => run.commit === commit);
        if (!found) return undefined;
        const run = await this.#api.runs.getRun({ service: this.slug, number: found.number });
        if (run.finishedAt && !isDone(run))
          throw new Otherwise(`run ${run.number} ${run.status}: ${run.reason?.message}`);
        return isDone(run) ? run : undefined;
      },
      {
        timeoutMs: 600_000,
        everyMs,
        describe: `a run of ${this.slug}`,
        giveUpOn: (error) => error instanceof Otherwise,
      },
    );
  }
}
