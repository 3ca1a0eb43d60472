import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { Clock, Ids } from '../../platform/clock/clock.port.ts';
import { json } from '../../platform/db/database.ts';
import { Transactions, type Unit } from '../../platform/db/transactions.ts';
import { GitMirror } from '../../platform/forge/git-mirror.port.ts';
import { Outbox } from '../../platform/outbox/outbox.ts';
import { OpenRepository } from '../catalog/index.ts';
import { PUSH_DELIVERY_VERSION, type PushDelivery } from './push-delivery.ts';

export interface FoundPush {
  readonly ref: string;
  readonly commit: string;
}

/** `unsettled`: heads that differ, but so freshly that their webhook may be on its way. */
export interface Look {
  readonly found: readonly FoundPush[];
  readonly unsettled: number;
}

/** A webhook that comes at all comes sooner; it also names who pushed, which a look cannot. */
export const SETTLE_MS = 60_000;

/**
 * Compares the branches of a repository with what was announced, and stores a delivery for each push that never was
 * (F55). A push that a webhook tells of as well makes one run all the same: runs are made once per commit and branch.
 */
@Injectable()
export class LookForPushes {
  readonly #transactions: Transactions;
  readonly #outbox: Outbox;
  readonly #ids: Ids;
  readonly #clock: Clock;
  readonly #mirror: GitMirror;
  readonly #repositories: OpenRepository;
  constructor(
    transactions: Transactions,
    outbox: Outbox,
    ids: Ids,
    clock: Clock,
    mirror: GitMirror,
    repositories: OpenRepository,
  ) {
    this.#transactions = transactions;
    this.#outbox = outbox;
    this.#ids = ids;
    this.#clock = clock;
    this.#mirror = mirror;
    this.#repositories = repositories;
  }

  /** `settleMs`: heads that were first seen less than this ago wait for the next look. Throws RepositoryUnreachableError. */
  async look(repositoryId: string, settleMs: number): Promise<Look> {
    const heads = await this.#mirror.remoteHeads(await this.#repositories.open(repositoryId));
    return this.#transactions.run(async (unit) => {
      const repository = await unit.tx
        .selectFrom('repositories')
        .innerJoin('hooks', 'hooks.repository_id', 'repositories.id')
        .select(['repositories.team_id', 'hooks.id as hook_id', 'heads_known_at'])
        .where('repositories.id', '=', repositoryId)
        .forUpdate('repositories')
        .executeTakeFirstOrThrow();
      const now = this.#clock.now();
      await this.#remember(unit, repositoryId, heads, now, repository.heads_known_at !== null);
      const missed = await this.#missed(unit, repositoryId);
      const settled = missed.filter(({ seen_at }) => now.getTime() - seen_at.getTime() >= settleMs);
      for (const { ref, commit, planned } of settled)
        await this.#deliver(
          unit,
          { id: repositoryId, teamId: repository.team_id, hookId: repository.hook_id },
          { ref, commit, planned },
        );
      return {
        found: settled.map(({ ref, commit }) => ({ ref, commit })),
        unsettled: missed.length - settled.length,
      };
    });
  }

  /**
   * Notes heads that moved. The first look at a repository makes no runs of what lies there already: it only learns what is
   * known, except for branches that were planned for before.
   */
  async #remember(
    unit: Unit,
    repositoryId: string,
    heads: ReadonlyMap<string, string>,
    now: Date,
    known: boolean,
  ): Promise<void> {
    const [refs, commits] = [[...heads.keys()], [...heads.values()]];
    await sql`
      delete from seen_heads where repository_id = ${repositoryId} and not ref = any(${refs}::text[])`.execute(unit.tx);
    await sql`
      insert into seen_heads (repository_id, ref, commit, seen_at, told_at)
      select ${repositoryId}::uuid, head.ref, head.commit, ${now}::timestamptz,
        case when ${known} or exists (select 1 from branch_heads as planned
          where planned.repository_id = ${repositoryId} and planned.ref = head.ref) then null else ${now}::timestamptz end
      from unnest(${refs}::text[], ${commits}::text[]) as head(ref, commit)
      on conflict (repository_id, ref) do update
        set commit = excluded.commit, seen_at = excluded.seen_at, told_at = null
        where seen_heads.commit <> excluded.commit`.execute(unit.tx);
    if (!known)
      await unit.tx.updateTable('repositories').set({ heads_known_at: now }).where('id', '=', repositoryId).execute();
  }

  /** Heads that nothing was planned for and no delivery has told of; one that failed has told nothing. */
  async #missed(unit: Unit, repositoryId: string) {
    return unit.tx
      .selectFrom('seen_heads as seen')
      .leftJoin('branch_heads as planned', (join) =>
        join.onRef('planned.repository_id', '=', 'seen.repository_id').onRef('planned.ref', '=', 'seen.ref'),
      )
      .select(['seen.ref', 'seen.commit', 'seen.seen_at', 'planned.commit as planned'])
      .where('seen.repository_id', '=', repositoryId)
      .where('seen.told_at', 'is', null)
      .where((eb) => eb.or([eb('planned.commit', 'is', null), eb('planned.commit', '<>', eb.ref('seen.commit'))]))
      .where((eb) =>
        eb.not(
          eb.exists(
            eb
              .selectFrom('deliveries')
              .select('deliveries.id')
              .whereRef('deliveries.repository_id', '=', 'seen.repository_id')
              .whereRef('deliveries.ref', '=', 'seen.ref')
              .where(sql<boolean>`deliveries.payload ->> 'after' = seen.commit`)
              .where('deliveries.status', '<>', 'failed'),
          ),
        ),
      )
      .orderBy('seen.ref')
      .execute();
  }

  async #deliver(
    unit: Unit,
    repository: { id: string; teamId: string; hookId: string },
    { ref, commit, planned }: FoundPush & { planned: string | null },
  ): Promise<void> {
    const id = this.#ids.next();
    const push: PushDelivery = {
      schemaVersion: PUSH_DELIVERY_VERSION,
      ref,
      before: planned,
      after: commit,
      // A look proves nobody.
      pusher: null,
      commits: [],
    };
    await unit.tx
      .insertInto('deliveries')
      .values({
        id,
        team_id: repository.teamId,
        hook_id: repository.hookId,
        repository_id: repository.id,
        delivery_key: `look:${id}`,
        event: 'push',
        ref,
        content_key: `look:${ref}:${commit}`,
        payload: json(push),
      })
      .execute();
    await this.#outbox.add(unit, 'plan-delivery', { deliveryId: id });
    await unit.tx
      .updateTable('seen_heads')
      .set({ told_at: this.#clock.now() })
      .where('repository_id', '=', repository.id)
      .where('ref', '=', ref)
      .execute();
  }
}
