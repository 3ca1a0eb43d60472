import { sql } from 'kysely';
import type { Actor } from '@sluice/engine';
import type { DbOrTx } from '../../platform/db/database.ts';

/** The proven pusher as actor, with the person whose login it is when one is linked. An unlinked login stays visible by name. */
export async function findPusher(db: DbOrTx, login: string | null): Promise<Actor> {
  if (login === null) return { kind: 'forge', name: 'anonymous' };
  const linked = await db
    .selectFrom('user_identities')
    .select('user_id')
    .where('kind', '=', 'login')
    .where(sql<string>`lower(value)`, '=', login.toLowerCase())
    .executeTakeFirst();
  return { kind: 'forge', name: login, ...(linked ? { userId: linked.user_id } : {}) };
}
