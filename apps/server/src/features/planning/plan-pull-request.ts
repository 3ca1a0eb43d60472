import { Injectable } from '@nestjs/common';
import { GitMirror, type MirrorRepository } from '../../platform/forge/git-mirror.port.ts';
import { concernsPullRequest } from './concerned.ts';
import { PlanServices } from './plan-services.ts';
import type { DeliveryFate, KnownRepository } from './planned-delivery.ts';
import type { PullRequestDelivery } from './pull-request-delivery.ts';

/**
 * Plans the head of a pull request. What it may do is decided here, from what the repository itself shows: a commit that
 * lies on one of its branches came from somebody who may push, everything else comes from outside, runs without secrets on
 * runners of its own, and is held until a person of the team has looked at exactly this commit (A15-A18).
 */
@Injectable()
export class PlanPullRequest {
  readonly #mirror: GitMirror;
  readonly #services: PlanServices;
  constructor(mirror: GitMirror, services: PlanServices) {
    this.#mirror = mirror;
    this.#services = services;
  }

  async plan(repository: MirrorRepository, known: KnownRepository, told: PullRequestDelivery): Promise<DeliveryFate> {
    const { ref, number, source, target } = told;
    const [head, targetHead] = await Promise.all([
      this.#mirror.resolve(repository, ref),
      this.#mirror.resolve(repository, `refs/heads/${target}`),
    ]);
    const short = told.head.slice(0, 12);
    if (head === null || !head.startsWith(told.head)) return this.#elsewhere(repository, told, head);
    if (targetHead === null)
      return { kind: 'ignored', message: `Pull request ${number} is for branch ${target}, which does not exist.` };
    const outside = told.outside || !(await this.#mirror.contains(repository, `refs/heads/${source}`, head));
    const base = await this.#mirror.mergeBase(repository, targetHead, head);
    const [atHead, atTarget, paths] = await Promise.all([
      this.#services.read(repository, known.services, head),
      this.#services.read(repository, known.services, targetHead),
      this.#mirror.changedPaths(repository, base, head),
    ]);
    const change = { source, target, outside, paths };
    return {
      kind: 'planned',
      plan: {
        services: this.#services.decide(atHead, (service) =>
          concernsPullRequest(
            { head: service.file, target: atTarget.find(({ id }) => id === service.id)!.file },
            change,
          ),
        ),
        runs: {
          ref,
          commit: await this.#mirror.commit(repository, head),
          trust: outside ? 'untrusted' : 'trusted',
          trigger: 'pull_request',
          login: told.by.login,
          pullRequest: { number, title: told.title, source, target, outside, account: told.by.id },
          ...(outside && {
            held: {
              code: 'fork',
              message: `Pull request ${number} comes from outside of the repository: nobody of the team has let commit ${short} run yet.`,
            },
          }),
          event: { event: 'pull_request', changedPaths: paths },
          dedupeKey: `pull_request:${number}:${head}`,
        },
      },
    };
  }

  /** The forge's word and the repository differ: the one of them that is late is waited for. */
  async #elsewhere(
    repository: MirrorRepository,
    { ref, number, head: toldHead }: PullRequestDelivery,
    head: string | null,
  ): Promise<DeliveryFate> {
    const short = toldHead.slice(0, 12);
    if (head !== null && (await this.#mirror.mergeBase(repository, toldHead, head)) === toldHead)
      return {
        kind: 'ignored',
        message: `Pull request ${number} was pushed again: commit ${short} is older than ${head.slice(0, 12)}.`,
      };
    return {
      kind: 'missing',
      message: `Commit ${short} is not the head of pull request ${number} (${ref}); it was pushed again meanwhile, or the commit was never there.`,
    };
  }
}
