import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { Ids } from '../../platform/clock/clock.port.ts';
import { Transactions } from '../../platform/db/transactions.ts';
import { failpoint } from '../../platform/failpoints/failpoints.ts';
import { actorOf, requireTeam, type UserPrincipal } from '../../platform/http/principal.ts';
import { Audit } from '../audit/index.ts';
import { findScope } from './find-scope.ts';
import { secretPlace } from './secret-place.ts';
import { Sealer } from './sealer.ts';

export interface PutSecretInput {
  readonly team: string;
  readonly name: string;
  readonly value: string;
  readonly service: string | null;
  readonly environment: string | null;
}

/** Sets a value for a scope. It can be replaced and deleted, never read back. */
@Injectable()
export class PutSecret {
  readonly #transactions: Transactions;
  readonly #ids: Ids;
  readonly #sealer: Sealer;
  readonly #audit: Audit;
  constructor(transactions: Transactions, ids: Ids, sealer: Sealer, audit: Audit) {
    this.#transactions = transactions;
    this.#ids = ids;
    this.#sealer = sealer;
    this.#audit = audit;
  }

  async put(by: UserPrincipal, input: PutSecretInput) {
    const { teamId } = requireTeam(by, input.team, input.environment === null ? 'developer' : 'admin');
    const stored = await this.#transactions.run(async (unit) => {
      const { serviceId, environmentId } = await findScope(unit.tx, teamId, input);
      const known = await unit.tx
        .selectFrom('secrets')
        .select('id')
        .where('team_id', '=', teamId)
        .where('name', '=', input.name)
        .where('service_id', 'is not distinct from', serviceId)
        .where('environment_id', 'is not distinct from', environmentId)
        .forUpdate()
        .executeTakeFirst();
      const id = known?.id ?? this.#ids.next();
      const changed = {
        value_sealed: this.#sealer.seal(input.value, secretPlace(id)),
        updated_by: by.name,
        updated_at: sql<Date>`now()`,
      };
      const row = await unit.tx
        .insertInto('secrets')
        .values({
          id,
          team_id: teamId,
          service_id: serviceId,
          environment_id: environmentId,
          name: input.name,
          ...changed,
        })
        .onConflict((conflict) => conflict.column('id').doUpdateSet(changed))
        .returning(['updated_at', 'last_used_at'])
        .executeTakeFirstOrThrow();
      await this.#audit.record(unit, {
        teamId,
        actor: actorOf(by),
        action: 'secret.set',
        subject: `secret:${input.name}`,
        detail: { service: input.service, environment: input.environment, replaced: known !== undefined },
      });
      await failpoint('put-secret:before-commit');
      return {
        name: input.name,
        service: input.service,
        environment: input.environment,
        updatedAt: row.updated_at.toISOString(),
        updatedBy: by.name,
        lastUsedAt: row.last_used_at?.toISOString() ?? null,
      };
    });
    await failpoint('put-secret:after-commit');
    return stored;
  }
}
