import { Injectable } from '@nestjs/common';
import { Kysely } from 'kysely';
import type { Contributor } from '@sluice/engine';
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
 * Every hand in the change between what is live in a lane and a release: who pushed or triggered the runs of those
 * commits (proven by the forge or by sign-in) and who the commits name as authors. An author line proves nothing, so it
 * can only take the right to approve away, never give independence.
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
    const { commits, note } = await this.#commits(release, live?.commit ?? null);
    const found: { part: Contributor['part']; kind: 'login' | 'email' | 'user'; value: string; userId?: string }[] = [];
    for (const hand of release.evidence.by) {
      found.push({ part: hand.part, kind: 'login', value: hand.identity, ...(hand.userId ? { userId: hand.userId } : {}) });
    }
    for (const trigger of await this.#triggers(release.service_id, commits.map((commit) => commit.sha))) {
      found.push({
        part: trigger.kind === 'push' ? 'pushed' : 'triggered',
        kind: 'login',
        value: trigger.by.name,
        ...(trigger.by.userId ? { userId: trigger.by.userId } : {}),
      });
    }
    for (const commit of commits) found.push({ part: 'authored', kind: 'email', value: commit.authorEmail });
    return {
      since: live?.deploymentId ?? null,
      commits,
      contributors: await this.#link(found),
      note,
    };
  }

  async #commits(release: Row<'releases'>, from: string | null): Promise<{ commits: CommitInfo[]; note: string | null }> {
    const service = await this.#db
      .selectFrom('services')
      .select('repository_id')
      .where('id', '=', release.service_id)
      .executeTakeFirstOrThrow();
    const repository = await this.#repositories.open(service.repository_id);
    const read = async () => {
      const { commits, cut } = await this.#mirror.commitsBetween(repository, from, release.commit, COMMIT_LIMIT);
      const note = cut
        ? `Only the newest ${COMMIT_LIMIT} commits are shown.`
        : from === null
          ? 'Nothing is live here yet: this is the first release, shown with its newest commit.'
          : commits.length === 0
            ? 'No new commits: the same or an older commit than what is live.'
            : null;
      return { commits, note };
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

  async #triggers(serviceId: string, commits: string[]) {
    if (commits.length === 0) return [];
    const rows = await this.#db
      .selectFrom('runs')
      .select('state')
      .where('service_id', '=', serviceId)
      .where('commit', 'in', commits)
      .execute();
    return rows.map((row) => row.state.trigger);
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
