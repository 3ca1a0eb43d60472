import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { Transactions } from '../../platform/db/transactions.ts';
import type { OutboxMessages } from '../../platform/outbox/messages.ts';
import { SendStatuses } from './send-statuses.ts';

type Message = OutboxMessages['report-status'];

/**
 * Handler of `report-status`: notes that a forge has something to be told, and leaves the telling to `SendStatuses`. Nothing
 * waits for a forge: neither a run nor the outbox. The row says that there is news, never what it is, so doubled, late and
 * reordered messages do no harm.
 */
@Injectable()
export class NoteStatuses {
  readonly #transactions: Transactions;
  readonly #send: SendStatuses;
  constructor(transactions: Transactions, send: SendStatuses) {
    this.#transactions = transactions;
    this.#send = send;
  }

  async note(messages: readonly Message[]): Promise<void> {
    const runIds = messages.flatMap((message) => ('runId' in message ? [message.runId] : []));
    const others = messages.flatMap((message) => ('runId' in message ? [] : [message]));
    const noted = await this.#transactions.run(async ({ tx }) => {
      // In the order of the key, so that two replicas never wait for each other's rows.
      const { rows } = await sql<{ service_id: string }>`
        insert into commit_statuses (service_id, commit, team_id, repository_id, ref, not_affected, due_at)
        select distinct on (told.service_id, told.commit) told.service_id, told.commit, services.team_id, services.repository_id,
          coalesce(substring(told.ref from '^refs/(?:heads|tags)/(.*)$'), ''), told.not_affected, now()
        from (
          select service_id, commit, ref, null as not_affected from runs where id = any(${runIds}::uuid[])
          union all
          select * from unnest(${others.map(({ serviceId }) => serviceId)}::uuid[], ${others.map(({ commit }) => commit)}::text[],
            ${others.map(({ ref }) => ref)}::text[], ${others.map(({ notAffected }) => notAffected)}::text[])
        ) told(service_id, commit, ref, not_affected)
        join services on services.id = told.service_id
        join repositories on repositories.id = services.repository_id and repositories.statuses is not null
        order by told.service_id, told.commit, told.not_affected nulls last
        on conflict (service_id, commit) do update set
          wanted_version = commit_statuses.wanted_version + 1, ref = excluded.ref,
          not_affected = coalesce(excluded.not_affected, commit_statuses.not_affected),
          -- Who tells it now looks again afterwards, and a forge that asked for a pause gets it.
          due_at = case when commit_statuses.claim is not null or (commit_statuses.failing_since is not null and commit_statuses.due_at is not null)
            then commit_statuses.due_at else now() end,
          tries = case when commit_statuses.given_up_at is null then commit_statuses.tries else 0 end,
          failing_since = case when commit_statuses.given_up_at is null then commit_statuses.failing_since end,
          given_up_at = null
        returning service_id`.execute(tx);
      return rows.length;
    });
    if (noted > 0) this.#send.look();
  }
}
