import { Injectable } from '@nestjs/common';
import { GitMirror, type MirrorRepository } from '../../platform/forge/git-mirror.port.ts';
import { concernsTag } from './concerned.ts';
import { PlanServices } from './plan-services.ts';
import type { DeliveryFate, KnownRepository } from './planned-delivery.ts';
import type { PushDelivery } from './push-delivery.ts';

/** Plans the push of a tag. Who may set tags in the repository may release what they name, so these runs are trusted. */
@Injectable()
export class PlanTag {
  readonly #mirror: GitMirror;
  readonly #services: PlanServices;
  constructor(mirror: GitMirror, services: PlanServices) {
    this.#mirror = mirror;
    this.#services = services;
  }

  async plan(repository: MirrorRepository, known: KnownRepository, push: PushDelivery): Promise<DeliveryFate> {
    const { ref, after } = push;
    const tag = ref.replace(/^refs\/tags\//, '');
    if (after === null) return { kind: 'ignored', message: `${ref} was deleted; that starts no run.` };
    // Forges name the tag object or its commit; the mirror knows what the tag leads to now (A18).
    const [now, told] = await Promise.all([
      this.#mirror.resolve(repository, ref),
      this.#mirror.commitOf(repository, after),
    ]);
    if (now === null || now !== told)
      return {
        kind: 'missing',
        message: `Tag ${tag} does not name ${after.slice(0, 12)} in the repository; it was moved or deleted meanwhile, or never set.`,
      };
    const found = await this.#services.read(repository, known.services, now);
    return {
      kind: 'planned',
      plan: {
        services: this.#services.decide(found, ({ file }) => concernsTag(file, tag)),
        runs: {
          ref,
          commit: await this.#mirror.commit(repository, now),
          trust: 'trusted',
          trigger: 'tag',
          login: push.pusher,
          event: { event: 'tag', changedPaths: null },
          dedupeKey: `tag:${ref}:${now}`,
        },
      },
    };
  }
}
