import { Injectable } from '@nestjs/common';
import { Transactions } from '../../platform/db/transactions.ts';
import { RepositoryUnreachableError } from '../../platform/forge/git-mirror.port.ts';
import { BranchHeads } from './branch-heads.ts';
import { PlannedServices } from './planned-services.ts';
import { StoreTriggers } from './store-triggers.ts';
import { Patience } from './patience.ts';

/** Handler of `read-triggers`: a service was registered, and its definition may have schedules before the first push. */
@Injectable()
export class ReadTriggers {
  readonly #transactions: Transactions;
  readonly #services: PlannedServices;
  readonly #heads: BranchHeads;
  readonly #store: StoreTriggers;
  readonly #patience: Patience;
  constructor(
    transactions: Transactions,
    services: PlannedServices,
    heads: BranchHeads,
    store: StoreTriggers,
    patience: Patience,
  ) {
    this.#transactions = transactions;
    this.#services = services;
    this.#heads = heads;
    this.#store = store;
    this.#patience = patience;
  }

  /** The first push brings the same, so nobody waits for ever for a repository that cannot be read. */
  async read({ serviceId, since }: { serviceId: string; since: string }): Promise<void> {
    const service = await this.#services.find(serviceId);
    if (!service) return;
    try {
      const head = await this.#heads.read(service, null);
      if (head.kind !== 'found' || head.file.definition === null) return;
      const { definition } = head.file;
      await this.#transactions.run((unit) =>
        this.#store.store(unit, [{ id: service.id, teamId: service.teamId, definition }]),
      );
    } catch (error) {
      if (!(error instanceof RepositoryUnreachableError) || !this.#patience.isOver(since)) throw error;
    }
  }
}
