import { Injectable } from '@nestjs/common';
import { Kysely } from 'kysely';
import type { Tables } from '../../platform/db/schema.ts';
import { GitMirror, type MirrorRepository } from '../../platform/forge/git-mirror.port.ts';
import { concerns, needsPaths } from './concerned.ts';
import { PlacePush } from './place-push.ts';
import { PlanServices } from './plan-services.ts';
import type { DeliveryFate, KnownRepository } from './planned-delivery.ts';
import type { PushDelivery } from './push-delivery.ts';

/** Plans the push of a branch. */
@Injectable()
export class PlanBranch {
  readonly #db: Kysely<Tables>;
  readonly #mirror: GitMirror;
  readonly #places: PlacePush;
  readonly #services: PlanServices;
  constructor(db: Kysely<Tables>, mirror: GitMirror, places: PlacePush, services: PlanServices) {
    this.#db = db;
    this.#mirror = mirror;
    this.#places = places;
    this.#services = services;
  }

  async plan(repository: MirrorRepository, known: KnownRepository, push: PushDelivery): Promise<DeliveryFate> {
    const { ref, after, before } = push;
    if (after === null) {
      const gone = (await this.#mirror.resolve(repository, ref)) === null;
      return { kind: 'ignored', message: `${ref} was deleted; that starts no run.`, ...(gone && { gone }) };
    }
    const { defaultBranch, services } = known;
    const head = await this.#plannedHead(known.id, ref);
    // Side by side with the look at the history: where the push is planned, as nearly all are, they are needed.
    const read = this.#services.read(repository, services, after);
    read.catch(() => undefined);
    const place = await this.#places.place(repository, { ref, defaultBranch, head }, before, after);
    const short = after.slice(0, 12);
    switch (place.kind) {
      case 'missing':
        return { kind: 'missing', message: `Commit ${short} is not in the repository; push it again.` };
      case 'elsewhere':
        return {
          kind: 'missing',
          message: `Commit ${short} is not reachable from ${ref}; it was rewritten meanwhile or never belonged to the branch.`,
        };
      case 'older':
        return {
          kind: 'ignored',
          message: `Commit ${short} is older than ${head?.slice(0, 12)}, which was planned for ${ref} already; the newer run holds its changes.`,
        };
      case 'next': {
        const found = await read;
        // A git process of its own, which most repositories of one service can do without.
        const paths =
          place.base === null || !found.some(({ file }) => needsPaths(file))
            ? null
            : await this.#mirror.changedPaths(repository, place.base, after);
        const change = { branch: ref.replace(/^refs\/heads\//, ''), defaultBranch, paths };
        return {
          kind: 'planned',
          plan: {
            branch: { head, isDefault: change.branch === defaultBranch },
            services: this.#services.decide(found, (service) => concerns(service, service.file, change)),
            runs: {
              ref,
              commit: place.commit,
              trust: 'trusted',
              trigger: 'push',
              login: push.pusher,
              event: { event: 'push', changedPaths: paths },
              dedupeKey: `push:${ref}:${after}`,
            },
          },
        };
      }
    }
  }

  async #plannedHead(repositoryId: string, ref: string): Promise<string | null> {
    const row = await this.#db
      .selectFrom('branch_heads')
      .select('commit')
      .where('repository_id', '=', repositoryId)
      .where('ref', '=', ref)
      .executeTakeFirst();
    return row?.commit ?? null;
  }
}
