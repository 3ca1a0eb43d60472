import { sql, type Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  // Where a session was opened, so that its person can recognise it.
  `alter table sessions add column address text, add column agent text`,
  // One open link per person: a newer one takes the place of the older.
  `create table password_resets (
     user_id uuid primary key references users on delete cascade, token_hash text not null unique,
     created_by uuid references users on delete set null, expires_at timestamptz not null)`,
  // One row per report file of an attempt, also for one that was not kept: then with the reason.
  `create table test_reports (
     attempt_id uuid not null references attempts on delete cascade, file text not null, bytes bigint not null,
     cases integer not null, finding text, received_at timestamptz not null default now(), primary key (attempt_id, file))`,
  // How far the audit chain goes, sealed by the master key: a cut tail does not fit it.
  `create table audit_head (
     only_row boolean primary key default true check (only_row), entries bigint not null, hash text not null,
     sealed_from bigint not null, damage text, seal text not null)`,
];
