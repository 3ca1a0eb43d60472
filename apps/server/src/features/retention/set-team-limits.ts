import { Injectable } from '@nestjs/common';
import { json } from '../../platform/db/database.ts';
import type { TeamLimits } from '../../platform/db/schema.ts';
import { Transactions } from '../../platform/db/transactions.ts';
import { actorOf, requireTeam, type UserPrincipal } from '../../platform/http/principal.ts';
import { invalid } from '../../platform/http/problem.ts';
import { Audit } from '../audit/index.ts';
import { Retention } from './retention.ts';
import { TEAM_LIMITS } from './team-limits.ts';

type ChosenLimits = { readonly [Name in keyof TeamLimits]?: number | undefined };

@Injectable()
export class SetTeamLimits {
  readonly #transactions: Transactions;
  readonly #audit: Audit;
  readonly #retention: Retention;
  constructor(transactions: Transactions, audit: Audit, retention: Retention) {
    this.#transactions = transactions;
    this.#audit = audit;
    this.#retention = retention;
  }

  /** Takes the place of all limits that the team had. A team cannot keep more than the installation: whose disk it is decides that. */
  async set(by: UserPrincipal, team: string, limits: ChosenLimits): Promise<void> {
    const { teamId } = requireTeam(by, team, 'admin');
    for (const name of TEAM_LIMITS) {
      const most = this.#retention.limits[name];
      if ((limits[name] ?? 0) > most)
        throw invalid(
          `limits.${name}: the installation keeps ${most}; write at most that, or leave it out to keep as much.`,
        );
    }
    const set = Object.entries(limits).filter(([, value]) => value !== undefined);
    const chosen = set.length === 0 ? null : Object.fromEntries(set);
    await this.#transactions.run(async (unit) => {
      const { retention: before } = await unit.tx
        .selectFrom('teams')
        .select('retention')
        .where('id', '=', teamId)
        .forUpdate()
        .executeTakeFirstOrThrow();
      await unit.tx
        .updateTable('teams')
        .set({ retention: chosen && json(chosen) })
        .where('id', '=', teamId)
        .execute();
      await this.#audit.record(unit, {
        teamId,
        actor: actorOf(by),
        action: 'retention.change',
        subject: `team:${team}`,
        detail: { from: before, to: chosen },
      });
    });
  }
}
