import { sql, type Kysely } from 'kysely';

/** When time alone moves a run: a pause before a retry ends, or a stage runs out of time. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table runs add column wake_at timestamptz`.execute(db);
  await sql`create index runs_wake on runs (wake_at) where wake_at is not null`.execute(db);
}
