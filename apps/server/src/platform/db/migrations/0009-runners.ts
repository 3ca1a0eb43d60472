import { sql, type Kysely } from 'kysely';

/** Why a runner takes no work, in its own words. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table runners add column trouble text`.execute(db);
}
