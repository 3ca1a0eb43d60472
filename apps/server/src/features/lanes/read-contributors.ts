import { Injectable } from '@nestjs/common';
import { Kysely, sql } from 'kysely';
import type { Contributor, RunTrigger } from '@sluice/engine';
import type { Row, Tables } from '../../platform/db/schema.ts';
import { CommitMissingError, GitMirror, type CommitInfo } from '../../platform/forge/git-mirror.port.ts';
import { OpenRepository } from '../catalog/index.ts';

const COMMIT_LIMIT = 1000;

export interface ChangeSinceLive {
  /** Deployment that is live, or null: the facts hold only while it stays so. */
  readonly since: string | null;
  readonly commits: readonly CommitInfo[];
  readonly contributors: readonly Contributor[];
  /** Sentence when the list is cut or could not be computed in full. */
  readonly note: string | null;
}

/**
 * Every hand in the change between what is live in a lane and a release: who pushed those commits, to whatever branch and
 * whether or not a run came of it, who triggered runs of them (both proven by the forge or by sign-in), and who the commits
 * name as authors. An author line proves nothing, so it can only take the right to approve away, never give independence.
 * While nothing is live, the whole history is the change.
 */
@Injectable()
export class ReadContributors {
  readonly #db: Kysely<Tables>;
  readonly #mirror: GitMirror;
  readonly #repositories: OpenRepository;
  constructor(db: Kysely<Tables>, mirror: GitMirror, repositories: OpenRepository) {
    this.#db = db;
    this.#mirror = mirror;
    this.#repositories = repositories;
  }

  async sinceLive(
    release: Row<'releases'>,
    live: { deploymentId: string; commit: string } | null,
  ): Promise<ChangeSinceLive> {
    const { commits, authors, note, repositoryId } = await this.#commits(release, live?.commit ?? null);
    const shas = authors.map(({ sha }) => sha);
    const found: { part: Contributor['part']; kind: 'login' | 'email' | 'user'; value: string; userId?: string }[] = [];
    for (const hand of release.evidence.by) {
      found.push({
        part: hand.part,
        kind: 'login',
        value: hand.identity,
        ...(hand.userId ? { userId: hand.userId } : {}),
      });
    }
    for (const login of await this.#pushers(repositoryId, shas))
      found.push({ part: 'pushed', kind: 'login', value: login });
    for (const trigger of await this.#triggers(release.service_id, shas)) {
      found.push({
        part: trigger.kind === 'push' ? 'pushed' : 'triggered',
        kind: 'login',
        value: trigger.by.name,
        ...(trigger.by.userId ? { userId: trigger.by.userId } : {}),
      });
    }
    for (const hand of await this.#remembered(repositoryId, release.service_id, shas)) {
      found.push({
        part: hand.part,
        kind: 'login',
        value: hand.identity,
        ...(hand.user_id === null ? {} : { userId: hand.user_id }),
      });
    }
    const emails = new Set(authors.flatMap((commit) => commit.emails));
    for (const value of emails) found.push({ part: 'authored', kind: 'email', value });
    return {
      since: live?.deploymentId ?? null,
      commits,
      contributors: await this.#link(found),
      note,
    };
  }

  async #commits(release: Row<'releases'>, from: string | null) {
    const service = await this.#db
      .selectFrom('services')
      .select('repository_id')
      .where('id', '=', release.service_id)
      .executeTakeFirstOrThrow();
    const repository = await this.#repositories.open(service.repository_id);
    const read = async () => {
      const { commits, cut } = await this.#mirror.commitsBetween(repository, from, release.commit, COMMIT_LIMIT);
      const authors = await this.#mirror.authorsBetween(repository, from, release.commit);
      const note = cut
        ? `Only the newest ${COMMIT_LIMIT} commits are shown.`
        : from === null
          ? 'Nothing is live here yet: this is the first release, shown with its newest commit.'
          : commits.length === 0
            ? 'No new commits: the same or an older commit than what is live.'
            : null;
      return { commits, authors, note, repositoryId: service.repository_id };
    };
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof CommitMissingError)) throw error;
      // Another replica planned the run: its mirror has the commit, this one not yet.
      await this.#mirror.fetch(repository);
      return read();
    }
  }

  /**
   * Logins of everyone who brought one of the commits or moved a branch to it; a push by nobody known is `anonymous`. A
   * new branch at a commit that was there before is no hand in it.
   */
  async #pushers(repositoryId: string, shas: readonly string[]): Promise<string[]> {
    const { rows } = await sql<{ login: string }>`
      select distinct coalesce(payload ->> 'pusher', 'anonymous') as login
      from deliveries as push
      where repository_id = ${repositoryId} and payload ->> 'after' = any(${shas}::text[])
        and (payload ->> 'before' is not null or not exists (
          select 1 from deliveries as earlier
          where earlier.repository_id = push.repository_id and earlier.payload ->> 'after' = push.payload ->> 'after'
            and earlier.id < push.id) and not exists (
          select from commit_hands as known
          where known.repository_id = push.repository_id and known.service_id is null
            and known.commit = push.payload ->> 'after'))`.execute(this.#db);
    return rows.map(({ login }) => login);
  }

  /** What deliveries and runs proved that retention has removed since. */
  async #remembered(repositoryId: string, serviceId: string, shas: readonly string[]): Promise<Row<'commit_hands'>[]> {
    return this.#db
      .selectFrom('commit_hands')
      .selectAll()
      .where('repository_id', '=', repositoryId)
      .where(sql<boolean>`commit = any(${shas}::text[])`)
      .where((eb) => eb.or([eb('service_id', 'is', null), eb('service_id', '=', serviceId)]))
      .execute();
  }

  async #triggers(serviceId: string, shas: readonly string[]): Promise<RunTrigger[]> {
    const rows = await this.#db
      .selectFrom('runs')
      .select(sql<RunTrigger>`state -> 'trigger'`.as('trigger'))
      .where('service_id', '=', serviceId)
      .where(sql<boolean>`commit = any(${shas}::text[])`)
      .execute();
    // A schedule is nobody's hand.
    return rows.map(({ trigger }) => trigger).filter(({ by }) => by.kind !== 'system');
  }

  async #link(
    found: readonly { part: Contributor['part']; kind: 'login' | 'email' | 'user'; value: string; userId?: string }[],
  ): Promise<Contributor[]> {
    const values = [...new Set(found.map((hand) => hand.value.toLowerCase()))];
    const identities =
      values.length === 0
        ? []
        : await this.#db
            .selectFrom('user_identities')
            .select(['user_id', 'kind', 'value'])
            .where((eb) => eb(eb.fn<string>('lower', ['value']), 'in', values))
            .execute();
    const emails =
      values.length === 0
        ? []
        : await this.#db
            .selectFrom('users')
            .select(['id', 'email'])
            .where((eb) => eb(eb.fn<string>('lower', ['email']), 'in', values))
            .execute();
    const linked = new Map<string, string>();
    for (const row of identities) linked.set(`${row.kind}:${row.value.toLowerCase()}`, row.user_id);
    for (const row of emails) linked.set(`email:${row.email.toLowerCase()}`, row.id);
    const distinct = new Map<string, Contributor>();
    for (const hand of found) {
      const userId = hand.userId ?? linked.get(`${hand.kind}:${hand.value.toLowerCase()}`);
      distinct.set(`${hand.part}:${userId ?? hand.value}`, {
        part: hand.part,
        identity: hand.value,
        ...(userId === undefined ? {} : { userId }),
      });
    }
    return [...distinct.values()];
  }
}
