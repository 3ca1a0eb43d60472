import { Injectable, Logger } from '@nestjs/common';
import { Kysely } from 'kysely';
import type { Row, Tables } from '../../platform/db/schema.ts';
import { GitMirror, RepositoryUnreachableError, type MirrorRepository } from '../../platform/forge/git-mirror.port.ts';
import { OpenRepository } from '../catalog/index.ts';
import { PlanBranch } from './plan-branch.ts';
import { PlanPullRequest } from './plan-pull-request.ts';
import { PlanTag } from './plan-tag.ts';
import type { DeliveryFate, KnownRepository } from './planned-delivery.ts';
import { readDelivery, type ForgeDelivery } from './pull-request-delivery.ts';
import { RecordPlan } from './record-plan.ts';

/** With the pauses of the outbox these are some minutes. */
const TRIES_WHEN_UNREACHABLE = 10;
/** A forge may announce a push a moment before every one of its machines shows it. */
const TRIES_WHEN_MISSING = 3;
const MOVED_HEADS = 20;

/**
 * Makes the runs of one stored delivery (outbox `plan-delivery`). Git work and network come first, then one transaction
 * with everything. Throws to be tried again; the repetition of a planned delivery does nothing.
 */
@Injectable()
export class PlanDelivery {
  readonly #log = new Logger('planning');
  readonly #db: Kysely<Tables>;
  readonly #mirror: GitMirror;
  readonly #repositories: OpenRepository;
  readonly #branches: PlanBranch;
  readonly #tags: PlanTag;
  readonly #pullRequests: PlanPullRequest;
  readonly #record: RecordPlan;
  constructor(
    db: Kysely<Tables>,
    mirror: GitMirror,
    repositories: OpenRepository,
    branches: PlanBranch,
    tags: PlanTag,
    pullRequests: PlanPullRequest,
    record: RecordPlan,
  ) {
    this.#db = db;
    this.#mirror = mirror;
    this.#repositories = repositories;
    this.#branches = branches;
    this.#tags = tags;
    this.#pullRequests = pullRequests;
    this.#record = record;
  }

  async plan({ deliveryId }: { deliveryId: string }): Promise<void> {
    const delivery = await this.#db
      .selectFrom('deliveries')
      .selectAll()
      .where('id', '=', deliveryId)
      .executeTakeFirst();
    if (delivery?.status !== 'received') return;
    const told = readDelivery(delivery.event, delivery.payload);
    const repository = await this.#repositories.open(delivery.repository_id);
    try {
      await this.#planAgainstHeads(delivery, told, repository);
    } catch (error) {
      if (!(error instanceof RepositoryUnreachableError)) throw error;
      await this.#tryAgain(delivery, TRIES_WHEN_UNREACHABLE, error);
    }
  }

  async #planAgainstHeads(delivery: Row<'deliveries'>, told: ForgeDelivery, repository: MirrorRepository) {
    if ('kind' in told && told.closed)
      return this.#record.end(delivery, 'ignored', `Pull request ${told.number} is closed; that starts no run.`, {
        closed: told.number,
      });
    if ('kind' in told) await this.#mirror.fetchRef(repository, told.ref);
    else if (told.ref.startsWith('refs/tags/')) await this.#mirror.fetchRef(repository, told.ref);
    await this.#mirror.fetch(repository);
    for (let moved = 0; moved < MOVED_HEADS; moved += 1) {
      const fate = await this.#fateOf(delivery, told, repository);
      if ((await this.#settle(delivery, fate)) === 'ended') return undefined;
    }
    throw new Error(`the head of ${told.ref} moved ${MOVED_HEADS} times while delivery ${delivery.id} was planned`);
  }

  async #fateOf(delivery: Row<'deliveries'>, told: ForgeDelivery, repository: MirrorRepository): Promise<DeliveryFate> {
    const known = await this.#known(delivery.repository_id);
    if ('kind' in told) return this.#pullRequests.plan(repository, known, told);
    if (told.ref.startsWith('refs/tags/')) return this.#tags.plan(repository, known, told);
    return this.#branches.plan(repository, known, told);
  }

  async #settle(delivery: Row<'deliveries'>, fate: DeliveryFate): Promise<'ended' | 'moved'> {
    switch (fate.kind) {
      case 'missing':
        await this.#tryAgain(delivery, TRIES_WHEN_MISSING, new Error(fate.message));
        return 'ended';
      case 'ignored':
        await this.#record.end(delivery, 'ignored', fate.message, fate.gone ? { forgetHead: true } : {});
        return 'ended';
      case 'planned':
        return (await this.#record.record(delivery, fate.plan)) === 'void' ? 'moved' : 'ended';
    }
  }

  async #known(repositoryId: string): Promise<KnownRepository> {
    const [repository, services] = await Promise.all([
      this.#db
        .selectFrom('repositories')
        .select('default_branch')
        .where('id', '=', repositoryId)
        .executeTakeFirstOrThrow(),
      this.#db
        .selectFrom('services')
        .select(['id', 'slug', 'path'])
        .where('repository_id', '=', repositoryId)
        .orderBy('slug')
        .execute(),
    ]);
    return { id: repositoryId, defaultBranch: repository.default_branch, services };
  }

  async #tryAgain(delivery: Row<'deliveries'>, limit: number, error: Error): Promise<void> {
    const tries = await this.#record.countTry(delivery.id);
    if (tries < limit) throw error;
    await this.#fail(
      delivery,
      `${error.message.replace(/\.?$/, '.')} Given up after ${tries} tries: deliver the webhook again when this is mended.`,
    );
  }

  async #fail(delivery: Row<'deliveries'>, message: string): Promise<void> {
    this.#log.warn(
      { deliveryId: delivery.id, repositoryId: delivery.repository_id, message },
      'a delivery could not be planned',
    );
    await this.#record.end(delivery, 'failed', message);
  }
}
