import { Injectable } from '@nestjs/common';
import type { Actor, RunTrigger } from '@sluice/engine';
import { Transactions, type Unit } from '../../platform/db/transactions.ts';
import { RepositoryUnreachableError } from '../../platform/forge/git-mirror.port.ts';
import { CreateRun } from '../runs/index.ts';
import { BranchHeads, type FoundHead } from './branch-heads.ts';
import { Patience } from './patience.ts';
import { PlannedServices } from './planned-services.ts';

export const SLUICE: Actor = { kind: 'system', name: 'Sluice' };

export interface UnaskedRun {
  readonly serviceId: string;
  /** Null = the default branch. */
  readonly branch: string | null;
  readonly trigger: RunTrigger;
  /** One run of the service per key, however often the order comes. */
  readonly dedupeKey: string;
  /** When it was ordered. */
  readonly since: string;
}

/** Starts a run that no person asked for: of the newest commit of a branch, with the definition that stands there. */
@Injectable()
export class StartUnasked {
  readonly #transactions: Transactions;
  readonly #services: PlannedServices;
  readonly #heads: BranchHeads;
  readonly #createRun: CreateRun;
  readonly #patience: Patience;
  constructor(
    transactions: Transactions,
    services: PlannedServices,
    heads: BranchHeads,
    createRun: CreateRun,
    patience: Patience,
  ) {
    this.#transactions = transactions;
    this.#services = services;
    this.#heads = heads;
    this.#createRun = createRun;
    this.#patience = patience;
  }

  /**
   * `note` is told, in the transaction of the run, why there is none, or null. Throws to be tried again while the repository
   * cannot be read, for some minutes.
   */
  async start(order: UnaskedRun, note: (unit: Unit, problem: string | null) => Promise<void>): Promise<void> {
    const service = await this.#services.find(order.serviceId);
    if (!service) return;
    const head = await this.#read(service, order);
    await this.#transactions.run(async (unit) => {
      if (head.kind === 'found')
        await this.#createRun.create(unit, {
          teamId: service.teamId,
          serviceId: service.id,
          ref: head.ref,
          commit: head.commit,
          trust: 'trusted',
          trigger: order.trigger,
          event: { event: order.trigger.kind, changedPaths: null },
          dedupeKey: order.dedupeKey,
          file: head.file,
        });
      await note(unit, problemOf(head));
    });
  }

  async #read(
    service: Parameters<BranchHeads['read']>[0],
    { branch, since }: UnaskedRun,
  ): Promise<FoundHead | { readonly kind: 'unreachable'; readonly why: string }> {
    try {
      return await this.#heads.read(service, branch);
    } catch (error) {
      if (!(error instanceof RepositoryUnreachableError) || !this.#patience.isOver(since)) throw error;
      return { kind: 'unreachable', why: error.message };
    }
  }
}

function problemOf(head: FoundHead | { readonly kind: 'unreachable'; readonly why: string }): string | null {
  switch (head.kind) {
    case 'found':
      return null;
    case 'no-branch-name':
      return 'The name of the branch is not one git accepts.';
    case 'no-branch':
      return `The repository has no branch ${head.branch}; push it, or name another one.`;
    case 'unreachable':
      return head.why;
  }
}
