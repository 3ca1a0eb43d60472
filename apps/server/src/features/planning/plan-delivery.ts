import { Injectable, Logger } from '@nestjs/common';
import { Kysely } from 'kysely';
import type { Row, Tables } from '../../platform/db/schema.ts';
import { GitMirror, RepositoryUnreachableError, type MirrorRepository } from '../../platform/forge/git-mirror.port.ts';
import { OpenRepository } from '../catalog/index.ts';
import { needsPaths } from './concerned.ts';
import { PlacePush } from './place-push.ts';
import { PlanServices } from './plan-services.ts';
import { readPushDelivery, type PushDelivery } from './push-delivery.ts';
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
  readonly #places: PlacePush;
  readonly #services: PlanServices;
  readonly #record: RecordPlan;
  constructor(
    db: Kysely<Tables>,
    mirror: GitMirror,
    repositories: OpenRepository,
    places: PlacePush,
    services: PlanServices,
    record: RecordPlan,
  ) {
    this.#db = db;
    this.#mirror = mirror;
    this.#repositories = repositories;
    this.#places = places;
    this.#services = services;
    this.#record = record;
  }

  async plan({ deliveryId }: { deliveryId: string }): Promise<void> {
    const delivery = await this.#db
      .selectFrom('deliveries')
      .selectAll()
      .where('id', '=', deliveryId)
      .executeTakeFirst();
    if (delivery?.status !== 'received') return;
    const push = readPushDelivery(delivery.payload);
    const repository = await this.#repositories.open(delivery.repository_id);
    try {
      await this.#mirror.fetch(repository);
    } catch (error) {
      if (!(error instanceof RepositoryUnreachableError)) throw error;
      return this.#tryAgain(delivery, TRIES_WHEN_UNREACHABLE, error);
    }
    if (push.after === null) return this.#deleted(delivery, repository);
    for (let moved = 0; moved < MOVED_HEADS; moved += 1) {
      if ((await this.#planOnce(delivery, push, push.after, repository)) === 'ended') return;
    }
    throw new Error(`the head of ${push.ref} moved ${MOVED_HEADS} times while delivery ${delivery.id} was planned`);
  }

  async #planOnce(
    delivery: Row<'deliveries'>,
    push: PushDelivery,
    after: string,
    repository: MirrorRepository,
  ): Promise<'ended' | 'moved'> {
    const { ref } = push;
    const { defaultBranch, head, services } = await this.#known(delivery.repository_id, ref);
    // Side by side with the look at the history: where the push is planned, as nearly all are, they are needed.
    const read = this.#services.read(repository, services, after);
    read.catch(() => undefined);
    const place = await this.#places.place(repository, { ref, defaultBranch, head }, push.before, after);
    const short = after.slice(0, 12);
    switch (place.kind) {
      case 'missing':
        await this.#tryAgain(
          delivery,
          TRIES_WHEN_MISSING,
          new Error(`Commit ${short} is not in the repository; push it again.`),
        );
        return 'ended';
      case 'elsewhere':
        await this.#tryAgain(
          delivery,
          TRIES_WHEN_MISSING,
          new Error(
            `Commit ${short} is not reachable from ${ref}; it was rewritten meanwhile or never belonged to the branch.`,
          ),
        );
        return 'ended';
      case 'older':
        await this.#record.end(
          delivery,
          'ignored',
          `Commit ${short} is older than ${head?.slice(0, 12)}, which was planned for ${ref} already; the newer run holds its changes.`,
        );
        return 'ended';
      case 'next': {
        const found = await read;
        // A git process of its own, which most repositories of one service can do without.
        const paths =
          place.base === null || !found.some(({ file }) => needsPaths(file))
            ? null
            : await this.#mirror.changedPaths(repository, place.base, after);
        const change = { branch: ref.replace(/^refs\/heads\//, ''), defaultBranch, paths };
        const planned = this.#services.decide(found, change);
        return (await this.#record.record(delivery, push, {
          head,
          commit: place.commit,
          changedPaths: paths,
          services: planned,
          onDefaultBranch: change.branch === defaultBranch,
        })) === 'void'
          ? 'moved'
          : 'ended';
      }
    }
  }

  async #known(repositoryId: string, ref: string) {
    const [repository, head, services] = await Promise.all([
      this.#db
        .selectFrom('repositories')
        .select('default_branch')
        .where('id', '=', repositoryId)
        .executeTakeFirstOrThrow(),
      this.#db
        .selectFrom('branch_heads')
        .select('commit')
        .where('repository_id', '=', repositoryId)
        .where('ref', '=', ref)
        .executeTakeFirst(),
      this.#db
        .selectFrom('services')
        .select(['id', 'slug', 'path'])
        .where('repository_id', '=', repositoryId)
        .orderBy('slug')
        .execute(),
    ]);
    return { defaultBranch: repository.default_branch, head: head?.commit ?? null, services };
  }

  async #deleted(delivery: Row<'deliveries'>, repository: MirrorRepository): Promise<void> {
    const gone = (await this.#mirror.resolve(repository, delivery.ref)) === null;
    await this.#record.end(delivery, 'ignored', `${delivery.ref} was deleted; that starts no run.`, gone);
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
