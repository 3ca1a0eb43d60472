import { Injectable } from '@nestjs/common';
import { Transactions } from '../../platform/db/transactions.ts';
import { notFound } from '../../platform/http/problem.ts';
import { actorOf, requireTeam, type UserPrincipal } from '../../platform/http/principal.ts';
import { Audit } from '../audit/index.ts';
import { findScope } from './find-scope.ts';

@Injectable()
export class DeleteSecret {
  readonly #transactions: Transactions;
  readonly #audit: Audit;
  constructor(transactions: Transactions, audit: Audit) {
    this.#transactions = transactions;
    this.#audit = audit;
  }

  async delete(
    by: UserPrincipal,
    input: { team: string; name: string; service: string | null; environment: string | null },
  ): Promise<void> {
    const { teamId } = requireTeam(by, input.team, input.environment === null ? 'developer' : 'admin');
    await this.#transactions.run(async (unit) => {
      const { serviceId, environmentId } = await findScope(unit.tx, teamId, input);
      const deleted = await unit.tx
        .deleteFrom('secrets')
        .where('team_id', '=', teamId)
        .where('name', '=', input.name)
        .where('service_id', 'is not distinct from', serviceId)
        .where('environment_id', 'is not distinct from', environmentId)
        .executeTakeFirst();
      if (deleted.numDeletedRows === 0n) throw notFound(`Secret ${input.name}`);
      await this.#audit.record(unit, {
        teamId,
        actor: actorOf(by),
        action: 'secret.delete',
        subject: `secret:${input.name}`,
        detail: { service: input.service, environment: input.environment },
      });
    });
  }
}
