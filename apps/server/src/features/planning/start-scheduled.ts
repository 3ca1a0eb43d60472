import { Injectable } from '@nestjs/common';
import { Kysely } from 'kysely';
import type { Tables } from '../../platform/db/schema.ts';
import type { OutboxMessages } from '../../platform/outbox/messages.ts';
import { SLUICE, StartUnasked } from './start-unasked.ts';

/** Handler of `start-scheduled`. The time is the key: however often the order comes, it makes one run. */
@Injectable()
export class StartScheduled {
  readonly #db: Kysely<Tables>;
  readonly #start: StartUnasked;
  constructor(db: Kysely<Tables>, start: StartUnasked) {
    this.#db = db;
    this.#start = start;
  }

  async run({ scheduleId, at, since }: OutboxMessages['start-scheduled']): Promise<void> {
    const schedule = await this.#db.selectFrom('schedules').selectAll().where('id', '=', scheduleId).executeTakeFirst();
    // Its entry was taken out of the definition meanwhile.
    if (!schedule) return;
    const { service_id: serviceId, cron, timezone, branch } = schedule;
    await this.#start.start(
      {
        serviceId,
        branch,
        trigger: { kind: 'schedule', by: SLUICE, schedule: { cron, timezone, at } },
        dedupeKey: `schedule:${scheduleId}:${at}`,
        since,
      },
      async ({ tx }, problem) =>
        void (await tx.updateTable('schedules').set({ problem }).where('id', '=', scheduleId).execute()),
    );
  }
}
