import { sql, type Kysely } from 'kysely';

const statements = [
  // A line is found by summing newlines; null for what was stored before they were counted.
  `alter table log_chunks add column newlines integer`,
  `alter table log_segments add column newlines integer`,
  // Written before an object is put: what a crash left without a name is found here, without listing the blob store.
  `create table log_puts (
     blob_key text primary key, begun_at timestamptz not null default now(), abandoned_at timestamptz)`,
  `create index log_puts_begun on log_puts (begun_at)`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}
