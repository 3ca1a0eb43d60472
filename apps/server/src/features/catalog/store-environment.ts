import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import type { z } from 'zod';
import type { Actor } from '@sluice/engine';
import type { environmentSettings } from '@sluice/protocol';
import { Ids } from '../../platform/clock/clock.port.ts';
import { json } from '../../platform/db/database.ts';
import type { Unit } from '../../platform/db/transactions.ts';
import { Outbox } from '../../platform/outbox/outbox.ts';
import { Audit } from '../audit/index.ts';
import { settingsForAudit } from './settings-for-audit.ts';

export type EnvironmentSettings = z.infer<typeof environmentSettings>;

/** Writes an environment for the API and for the pipelines folder alike. New settings void approvals given under the old ones (I17). */
@Injectable()
export class StoreEnvironment {
  readonly #ids: Ids;
  readonly #outbox: Outbox;
  readonly #audit: Audit;
  constructor(ids: Ids, outbox: Outbox, audit: Audit) {
    this.#ids = ids;
    this.#outbox = outbox;
    this.#audit = audit;
  }

  /** False when nothing changed. */
  async store(
    unit: Unit,
    change: { teamId: string; name: string; order: number; settings: EnvironmentSettings; actor: Actor },
  ): Promise<boolean> {
    const { teamId, name, order, settings, actor } = change;
    const hash = settingsHash(settings);
    const known = await unit.tx
      .selectFrom('environments')
      .select(['id', 'settings', 'settings_hash', 'position'])
      .where('team_id', '=', teamId)
      .where('name', '=', name)
      .forUpdate()
      .executeTakeFirst();
    if (known?.settings_hash === hash && known.position === order) return false;
    const values = { position: order, settings: json(settings), settings_hash: hash, updated_at: sql<Date>`now()` };
    const { id } = await unit.tx
      .insertInto('environments')
      .values({ id: known?.id ?? this.#ids.next(), team_id: teamId, name, ...values })
      .onConflict((clash) => clash.columns(['team_id', 'name']).doUpdateSet(values))
      .returning('id')
      .executeTakeFirstOrThrow();
    if (known && known.settings_hash !== hash) await this.#outbox.add(unit, 'rebind-lanes', { environmentId: id });
    await this.#outbox.add(unit, 'changed', { topics: ['environments', 'board'] });
    await this.#audit.record(unit, {
      teamId,
      actor,
      action: known ? 'environment.change' : 'environment.create',
      subject: `environment:${name}`,
      detail: {
        ...settingsForAudit(known ? { order: known.position, settings: known.settings } : null, { order, settings }),
      },
    });
    return true;
  }
}

/** The same settings give the same hash, whatever the order of their keys. */
export function settingsHash(settings: EnvironmentSettings): string {
  const ordered = JSON.stringify(settings, (_key, value: unknown) =>
    value !== null && typeof value === 'object' && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1)))
      : value,
  );
  return createHash('sha256').update(ordered).digest('hex');
}
