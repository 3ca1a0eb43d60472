import { Injectable } from '@nestjs/common';
import { Kysely } from 'kysely';
import type { Tables } from '../../platform/db/schema.ts';
import { Transactions } from '../../platform/db/transactions.ts';
import { RepositoryUnreachableError } from '../../platform/forge/git-mirror.port.ts';
import { actorOf, requireTeam, type UserPrincipal } from '../../platform/http/principal.ts';
import { notFound, Problem } from '../../platform/http/problem.ts';
import { Audit } from '../audit/index.ts';
import { LookForPushes, type FoundPush } from './look-for-pushes.ts';

/** A person who misses a run has the branches looked at, without a wait for a webhook that may be on its way. */
@Injectable()
export class LookNow {
  readonly #db: Kysely<Tables>;
  readonly #transactions: Transactions;
  readonly #looks: LookForPushes;
  readonly #audit: Audit;
  constructor(db: Kysely<Tables>, transactions: Transactions, looks: LookForPushes, audit: Audit) {
    this.#db = db;
    this.#transactions = transactions;
    this.#looks = looks;
    this.#audit = audit;
  }

  async look(by: UserPrincipal, { team, repositoryId }: { team: string; repositoryId: string }) {
    const { teamId } = requireTeam(by, team, 'developer');
    const known = await this.#db
      .selectFrom('repositories')
      .select('id')
      .where('id', '=', repositoryId)
      .where('team_id', '=', teamId)
      .executeTakeFirst();
    if (!known) throw notFound(`Repository ${repositoryId}`);
    const found = await this.#found(repositoryId);
    await this.#transactions.run((unit) =>
      this.#audit.record(unit, {
        teamId,
        actor: actorOf(by),
        action: 'repository.look',
        subject: `repository:${repositoryId}`,
        detail: { found: found.slice(0, 20) },
      }),
    );
    return { found: [...found] };
  }

  async #found(repositoryId: string): Promise<readonly FoundPush[]> {
    try {
      return (await this.#looks.look(repositoryId, 0)).found;
    } catch (error) {
      if (error instanceof RepositoryUnreachableError) throw new Problem(503, 'repository-unreachable', error.message);
      throw error;
    }
  }
}
