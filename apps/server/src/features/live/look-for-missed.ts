import { Injectable } from '@nestjs/common';
import { Kysely } from 'kysely';
import type { Tables } from '../../platform/db/schema.ts';
import { LiveHub } from './live-hub.ts';

/**
 * Notifications are hints. Every few seconds the versions of what somebody watches are read by each aggregate's own
 * sequence, so that a lost hint delays a screen but never leaves it wrong.
 */
@Injectable()
export class LookForMissed {
  readonly #db: Kysely<Tables>;
  readonly #hub: LiveHub;
  #known = new Map<string, number>();
  constructor(db: Kysely<Tables>, hub: LiveHub) {
    this.#db = db;
    this.#hub = hub;
  }

  async look(): Promise<void> {
    const watched = new Map<string, string[]>();
    for (const client of this.#hub.clients) {
      for (const topic of client.topics.keys()) {
        const [kind, id] = topic.split(':', 2);
        if (id !== undefined) watched.set(kind!, [...(watched.get(kind!) ?? []), id]);
      }
    }
    const known = new Map<string, number>();
    const compare = (topic: string, version: number): boolean => {
      const before = this.#known.get(topic);
      known.set(topic, version);
      return before !== undefined && version > before;
    };
    for (const kind of ['run', 'lane'] as const) {
      const ids = watched.get(kind);
      if (!ids) continue;
      const rows = await this.#db
        .selectFrom(kind === 'run' ? 'runs' : 'lanes')
        .select(['id', 'version'])
        .where('id', 'in', ids)
        .execute();
      for (const { id, version } of rows)
        if (compare(`${kind}:${id}`, version)) this.#hub.publish({ type: 'changed', topic: `${kind}:${id}`, version });
    }
    const attempts = watched.get('log');
    if (attempts) {
      const rows = await this.#db
        .selectFrom('attempts')
        .select(['id', 'log_length', 'log_sealed_at'])
        .where('id', 'in', attempts)
        .execute();
      for (const row of rows) {
        const sealed = row.log_sealed_at !== null;
        // Sealing counts as growth: the reader must learn of it too.
        if (compare(`log:${row.id}`, row.log_length * 2 + (sealed ? 1 : 0)))
          this.#hub.publish({ type: 'log', topic: `log:${row.id}`, length: row.log_length, sealed });
      }
    }
    this.#known = known;
  }
}
