import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { nextTick, type Definition } from '@sluice/pipeline-spec';
import { Ids } from '../../platform/clock/clock.port.ts';
import { databaseNow } from '../../platform/db/database.ts';
import type { Unit } from '../../platform/db/transactions.ts';
import { Outbox } from '../../platform/outbox/outbox.ts';

export interface TriggersOfService {
  readonly id: string;
  readonly teamId: string;
  /** Of the default branch. Null = there is none; what was stored goes. */
  readonly definition: Definition | null;
}

/**
 * Keeps what definitions on the default branch say about schedules and releases of others where it can be found by time and by
 * service. An entry that stays the same keeps its next time.
 */
@Injectable()
export class StoreTriggers {
  readonly #ids: Ids;
  readonly #outbox: Outbox;
  constructor(ids: Ids, outbox: Outbox) {
    this.#ids = ids;
    this.#outbox = outbox;
  }

  async store(unit: Unit, services: readonly TriggersOfService[]): Promise<void> {
    const stored = await this.#withTriggers(unit, services);
    for (const service of services) {
      const { schedule = [], release = [] } = service.definition?.on ?? {};
      if (schedule.length + release.length === 0 && !stored.has(service.id)) continue;
      await this.#storeSchedules(unit, service, schedule);
      await this.#storeReleases(unit, service, release);
      await this.#outbox.add(unit, 'changed', { topics: [`service:${service.id}`] });
    }
  }

  /** Nearly every push changes nothing here: one look for all services. */
  async #withTriggers({ tx }: Unit, services: readonly TriggersOfService[]): Promise<Set<string>> {
    const ids = services.map(({ id }) => id);
    const { rows } = await sql<{ service_id: string }>`
      select service_id from schedules where service_id = any(${ids}::uuid[])
      union select service_id from release_triggers where service_id = any(${ids}::uuid[])`.execute(tx);
    return new Set(rows.map((row) => row.service_id));
  }

  async #storeSchedules({ tx }: Unit, service: TriggersOfService, schedule: Definition['on']['schedule'] & {}) {
    const keys = schedule.map(({ cron, timezone, branch = '' }) => `${cron} ${timezone} ${branch}`);
    await sql`
      delete from schedules where service_id = ${service.id}
      and cron || ' ' || timezone || ' ' || coalesce(branch, '') <> all(${keys}::text[])`.execute(tx);
    const now = await databaseNow(tx);
    for (const entry of schedule) {
      await sql`
        insert into schedules (id, team_id, service_id, cron, timezone, branch, next_at)
        values (${this.#ids.next()}, ${service.teamId}, ${service.id}, ${entry.cron}, ${entry.timezone}, ${entry.branch ?? null},
          ${nextTick(entry, now) ?? null})
        on conflict (service_id, cron, timezone, coalesce(branch, '')) do nothing`.execute(tx);
    }
  }

  async #storeReleases({ tx }: Unit, service: TriggersOfService, release: Definition['on']['release'] & {}) {
    const keys = release.map(({ service: source, environment = '' }) => `${source} ${environment}`);
    await sql`
      delete from release_triggers where service_id = ${service.id}
      and source || ' ' || coalesce(environment, '') <> all(${keys}::text[])`.execute(tx);
    for (const { service: source, environment = null } of release) {
      await sql`
        insert into release_triggers (id, team_id, service_id, source, environment)
        values (${this.#ids.next()}, ${service.teamId}, ${service.id}, ${source}, ${environment})
        on conflict (service_id, source, coalesce(environment, '')) do nothing`.execute(tx);
    }
  }
}
