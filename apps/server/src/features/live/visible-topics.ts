import { Injectable } from '@nestjs/common';
import { Kysely } from 'kysely';
import type { Tables } from '../../platform/db/schema.ts';
import { visibleTeams, type UserPrincipal } from '../../platform/http/principal.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const TABLES = {
  run: 'runs',
  log: 'attempts',
  lane: 'lanes',
  deployment: 'deployments',
  shell: 'debug_shells',
} as const;

/**
 * Which of the topics a person may hear of, by the name under which changes are told, with the name the person asked by:
 * pages know a service by its slug, aggregates by its id. Topics of other teams look like topics of nothing: they stay silent.
 */
@Injectable()
export class VisibleTopics {
  readonly #db: Kysely<Tables>;
  constructor(db: Kysely<Tables>) {
    this.#db = db;
  }

  async of(person: UserPrincipal, topics: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const visible = new Map(topics.filter((topic) => !topic.includes(':')).map((topic) => [topic, topic]));
    const teams = visibleTeams(person);
    if (teams.length === 0) return visible;
    for (const [kind, table] of Object.entries(TABLES)) {
      const ids = idsOf(topics, kind).filter((id) => UUID.test(id));
      if (ids.length === 0) continue;
      const rows = await this.#db
        .selectFrom(table)
        .select('id')
        .where('id', 'in', ids)
        .where('team_id', 'in', teams)
        .execute();
      for (const { id } of rows) visible.set(`${kind}:${id}`, `${kind}:${id}`);
    }
    const slugs = idsOf(topics, 'service');
    if (slugs.length > 0) {
      const rows = await this.#db
        .selectFrom('services')
        .select(['id', 'slug'])
        .where('slug', 'in', slugs)
        .where('team_id', 'in', teams)
        .execute();
      for (const { id, slug } of rows) visible.set(`service:${id}`, `service:${slug}`);
    }
    return visible;
  }
}

function idsOf(topics: readonly string[], kind: string): string[] {
  return topics.filter((topic) => topic.startsWith(`${kind}:`)).map((topic) => topic.slice(kind.length + 1));
}
