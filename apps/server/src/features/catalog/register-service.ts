import { Injectable } from '@nestjs/common';
import { pathProblem } from '@sluice/pipeline-spec';
import { Ids } from '../../platform/clock/clock.port.ts';
import { databaseNow } from '../../platform/db/database.ts';
import { Transactions } from '../../platform/db/transactions.ts';
import { Outbox } from '../../platform/outbox/outbox.ts';
import { actorOf, requireTeam, type UserPrincipal } from '../../platform/http/principal.ts';
import { conflict, invalid, notFound } from '../../platform/http/problem.ts';
import { Audit } from '../audit/index.ts';

/** Names a folder of a connected repository as a service of the team. */
@Injectable()
export class RegisterService {
  readonly #transactions: Transactions;
  readonly #ids: Ids;
  readonly #outbox: Outbox;
  readonly #audit: Audit;
  constructor(transactions: Transactions, ids: Ids, outbox: Outbox, audit: Audit) {
    this.#transactions = transactions;
    this.#ids = ids;
    this.#outbox = outbox;
    this.#audit = audit;
  }

  async register(by: UserPrincipal, input: { team: string; slug: string; repositoryId: string; path: string }) {
    const { teamId } = requireTeam(by, input.team, 'developer');
    const problem = input.path === '.' ? undefined : pathProblem(input.path);
    if (problem !== undefined)
      throw invalid(`path: ${problem}; write a folder inside the repository such as services/catalog, or ".".`, 'path');
    const id = this.#ids.next();
    return this.#transactions.run(async (unit) => {
      const repository = await unit.tx
        .selectFrom('repositories')
        .select('id')
        .where('id', '=', input.repositoryId)
        .where('team_id', '=', teamId)
        .executeTakeFirst();
      if (!repository) throw notFound(`Repository ${input.repositoryId}`);
      const made = await unit.tx
        .insertInto('services')
        .values({ id, team_id: teamId, slug: input.slug, repository_id: repository.id, path: input.path })
        .onConflict((clash) => clash.column('slug').doNothing())
        .returning('id')
        .executeTakeFirst();
      if (!made)
        throw conflict(
          'service-taken',
          `A service ${input.slug} exists already; names are unique in the installation.`,
        );
      await this.#outbox.add(unit, 'read-triggers', {
        serviceId: id,
        since: (await databaseNow(unit.tx)).toISOString(),
      });
      await this.#outbox.add(unit, 'changed', { topics: ['board'] });
      await this.#audit.record(unit, {
        teamId,
        actor: actorOf(by),
        action: 'service.register',
        subject: `service:${input.slug}`,
        detail: { repositoryId: repository.id, path: input.path },
      });
      return { slug: input.slug, team: input.team, repositoryId: repository.id, path: input.path };
    });
  }
}
