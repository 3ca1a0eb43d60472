import { Inject, Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { RUNNER_PROTOCOL } from '@sluice/protocol';
import { Ids } from '../../platform/clock/clock.port.ts';
import { Transactions } from '../../platform/db/transactions.ts';
import { hashToken, newToken } from '../../platform/http/bearer-tokens.ts';
import { Problem } from '../../platform/http/problem.ts';
import { Outbox } from '../../platform/outbox/outbox.ts';
import { Audit } from '../audit/index.ts';

export interface Registration {
  readonly token: string;
  readonly name: string;
  readonly protocol: number;
  readonly version: string;
}

/** Exchanges a registration token, valid once and for minutes, for a runner's own token (A48). */
@Injectable()
export class RegisterRunner {
  readonly #transactions: Transactions;
  readonly #ids: Ids;
  readonly #audit: Audit;
  readonly #outbox: Outbox;
  constructor(transactions: Transactions, @Inject(Ids) ids: Ids, audit: Audit, outbox: Outbox) {
    this.#transactions = transactions;
    this.#ids = ids;
    this.#audit = audit;
    this.#outbox = outbox;
  }

  async register({
    token,
    name,
    protocol,
    version,
  }: Registration): Promise<{ runnerId: string; token: string; pool: string; labels: string[] }> {
    requireProtocol(protocol);
    const runnerToken = newToken('slr_');
    const runnerId = this.#ids.next();
    return this.#transactions.run(async (unit) => {
      // One statement: of two that race for the same token one wins.
      const used = await unit.tx
        .updateTable('runner_registration_tokens')
        .set({ used_at: sql<Date>`now()` })
        .where('token_hash', '=', hashToken(token))
        .where('used_at', 'is', null)
        .where('expires_at', '>', sql<Date>`now()`)
        .returning('pool_id')
        .executeTakeFirst();
      if (!used)
        throw new Problem(
          401,
          'registration-token',
          'The registration token is unknown, used or expired; make a new one under Runners.',
        );
      const pool = await unit.tx
        .selectFrom('pools')
        .select(['name', 'labels', 'team_id'])
        .where('id', '=', used.pool_id)
        .executeTakeFirstOrThrow();
      await unit.tx
        .insertInto('runners')
        .values({ id: runnerId, pool_id: used.pool_id, name, token_hash: hashToken(runnerToken), version })
        .execute();
      await this.#outbox.add(unit, 'changed', { topics: ['runners'] });
      await this.#audit.record(unit, {
        teamId: pool.team_id,
        actor: { kind: 'system', name: `runner ${name}` },
        action: 'runner.register',
        subject: `runner:${runnerId}`,
        detail: { name, pool: pool.name, version },
      });
      return { runnerId, token: runnerToken, pool: pool.name, labels: pool.labels };
    });
  }
}

/** This version and the one before it (A57, F45). */
export function requireProtocol(protocol: number): void {
  const accepted = [RUNNER_PROTOCOL, RUNNER_PROTOCOL - 1].filter((version) => version >= 1);
  if (accepted.includes(protocol)) return;
  const advice = protocol < RUNNER_PROTOCOL ? 'update the runner' : 'update the server';
  throw new Problem(
    426,
    'protocol-version',
    `The runner speaks protocol ${protocol}, the server ${accepted.join(' and ')}; ${advice}.`,
    { accepted },
  );
}
