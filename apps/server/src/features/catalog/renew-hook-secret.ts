import { Injectable } from '@nestjs/common';
import { Transactions } from '../../platform/db/transactions.ts';
import { actorOf, requireTeam, type UserPrincipal } from '../../platform/http/principal.ts';
import { notFound } from '../../platform/http/problem.ts';
import { Audit } from '../audit/index.ts';
import { Sealer } from '../secrets/index.ts';
import { newHookSecret } from './hook-secret.ts';
import { hookPlace } from './open-repository.ts';

/** For a secret that was lost, or that somebody saw: the hook keeps its address, and what the old secret signs is refused from now on. */
@Injectable()
export class RenewHookSecret {
  readonly #transactions: Transactions;
  readonly #sealer: Sealer;
  readonly #audit: Audit;
  constructor(transactions: Transactions, sealer: Sealer, audit: Audit) {
    this.#transactions = transactions;
    this.#sealer = sealer;
    this.#audit = audit;
  }

  async renew(by: UserPrincipal, { team, repositoryId }: { readonly team: string; readonly repositoryId: string }) {
    const { teamId } = requireTeam(by, team, 'admin');
    return this.#transactions.run(async (unit) => {
      const hook = await unit.tx
        .selectFrom('hooks')
        .select('id')
        .where('repository_id', '=', repositoryId)
        .where('team_id', '=', teamId)
        .forUpdate()
        .executeTakeFirst();
      if (!hook) throw notFound(`Repository ${repositoryId}`);
      const hookSecret = newHookSecret();
      await unit.tx
        .updateTable('hooks')
        .set({ secret_sealed: this.#sealer.seal(hookSecret, hookPlace(hook.id)) })
        .where('id', '=', hook.id)
        .execute();
      await this.#audit.record(unit, {
        teamId,
        actor: actorOf(by),
        action: 'repository.renew-hook-secret',
        subject: `repository:${repositoryId}`,
        detail: {},
      });
      return { hookPath: `/hooks/${hook.id}`, hookSecret };
    });
  }
}
