import { sql, type Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  `alter table repositories add column statuses jsonb, add column statuses_token_sealed text`,
  // One row per status that a forge shows; deleted with the service.
  `create table commit_statuses (
     service_id uuid not null references services on delete cascade, commit text not null,
     team_id uuid not null references teams, repository_id uuid not null references repositories,
     ref text not null, not_affected text, wanted_version integer not null default 1, due_at timestamptz, claim uuid,
     doubtful boolean not null default false,
     tries integer not null default 0, failing_since timestamptz, sent jsonb, sent_at timestamptz, error text,
     given_up_at timestamptz, primary key (service_id, commit))`,
  `create index commit_statuses_due on commit_statuses (repository_id, due_at) where due_at is not null`,
  `create index commit_statuses_sent on commit_statuses (repository_id, sent_at)`,
  `create table schedules (
     id uuid primary key, team_id uuid not null references teams, service_id uuid not null references services on delete cascade,
     cron text not null, timezone text not null, branch text, next_at timestamptz, last_at timestamptz, problem text)`,
  `create unique index schedules_entry on schedules (service_id, cron, timezone, coalesce(branch, ''))`,
  `create index schedules_due on schedules (next_at) where next_at is not null`,
  `create table release_triggers (
     id uuid primary key, team_id uuid not null references teams, service_id uuid not null references services on delete cascade,
     source text not null, environment text, last_at timestamptz, problem text)`,
  `create unique index release_triggers_entry on release_triggers (service_id, source, coalesce(environment, ''))`,
  `create index release_triggers_source on release_triggers (team_id, source)`,
];
