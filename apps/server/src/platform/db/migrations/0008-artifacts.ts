import { sql, type Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

// Rows of artifacts and caches do not hang on their run: while there is a row, its object in the blob store is not forgotten.
const STATEMENTS = [
  `create table artifacts (
     id uuid primary key, team_id uuid not null references teams, service_id uuid not null references services,
     run_id uuid not null, attempt_id uuid not null, job_key text not null, name text not null,
     status text not null check (status in ('coming','kept','going')),
     files integer not null, length bigint not null, sha256 text not null, blob_key text not null unique,
     created_at timestamptz not null default now(), last_used_at timestamptz not null default now(), expires_at timestamptz,
     unique (attempt_id, name))`,
  `create index artifacts_run on artifacts (run_id, job_key, name)`,
  `create index artifacts_expiring on artifacts (expires_at) where expires_at is not null`,
  `create table caches (
     id uuid primary key, team_id uuid not null references teams, service_id uuid not null references services,
     scope text not null, key text not null, paths text not null, attempt_id uuid not null,
     status text not null check (status in ('coming','kept','going')),
     length bigint not null, sha256 text not null, blob_key text not null unique,
     created_at timestamptz not null default now(), last_used_at timestamptz not null default now(), expires_at timestamptz not null)`,
  `create unique index caches_once on caches (service_id, scope, key, md5(paths)) where status = 'kept'`,
  `create index caches_team on caches (team_id, last_used_at)`,
  `create index caches_expiring on caches (expires_at)`,
  // Names may be longer than a page of an index likes.
  `create index test_cases_history on test_cases (service_id, md5(suite || '/' || name))`,
  `create table cache_uses (
     attempt_id uuid not null references attempts on delete cascade, place integer not null, key text not null,
     outcome text not null check (outcome in ('hit','partial','miss')), found_key text, length bigint,
     left_id uuid, primary key (attempt_id, place))`,
];
