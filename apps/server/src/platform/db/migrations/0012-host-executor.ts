import { sql, type Kysely } from 'kysely';

/** Who offers to run jobs without a container, and which jobs need that. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table runners add column offers_host boolean not null default false`.execute(db);
  await sql`alter table attempts add column needs_host boolean not null default false`.execute(db);
}
