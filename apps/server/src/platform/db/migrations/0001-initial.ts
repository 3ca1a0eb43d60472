import { sql, type Kysely } from 'kysely';

/**
 * First schema. SQL no newer than PostgreSQL 15; ids come from the application (UUID v7), times are timestamptz.
 * Every row that a person can reach carries its team. JSON aggregates (`runs.state`, `lanes.state`) are the truth of
 * their aggregate; plain columns beside them exist for queries only and are written in the same transaction.
 */
export async function up(db: Kysely<never>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  // -- identity -------------------------------------------------------------------------------------------------
  `create table teams (
     id uuid primary key, slug text not null unique, title text not null, created_at timestamptz not null default now())`,
  `create table users (
     id uuid primary key, email text not null unique, name text not null, password_hash text not null,
     system_admin boolean not null default false, disabled boolean not null default false,
     created_at timestamptz not null default now())`,
  `create table user_identities (
     user_id uuid not null references users on delete cascade, kind text not null check (kind in ('login','email')),
     value text not null, primary key (kind, value))`,
  // Forges and mail do not tell "Ann" from "ann", and neither may a gate.
  `create unique index user_identities_one_person on user_identities (kind, lower(value))`,
  `create table memberships (
     team_id uuid not null references teams, user_id uuid not null references users on delete cascade, role text not null,
     primary key (team_id, user_id))`,
  `create table sessions (
     id uuid primary key, user_id uuid not null references users on delete cascade, token_hash text not null unique,
     csrf_token text not null, created_at timestamptz not null default now(), last_used_at timestamptz not null default now(),
     expires_at timestamptz not null)`,
  `create table api_tokens (
     id uuid primary key, user_id uuid not null references users on delete cascade, team_id uuid references teams,
     name text not null, token_hash text not null unique, scopes jsonb not null, created_at timestamptz not null default now(),
     expires_at timestamptz, last_used_at timestamptz, revoked_at timestamptz)`,
  `create table settings (key text primary key, value jsonb not null, updated_at timestamptz not null default now())`,

  // -- catalog --------------------------------------------------------------------------------------------------
  `create table repositories (
     id uuid primary key, team_id uuid not null references teams, url text not null, kind text not null,
     default_branch text not null, credential_sealed text, created_at timestamptz not null default now(), unique (team_id, url))`,
  `create table hooks (
     id uuid primary key, team_id uuid not null references teams, repository_id uuid not null references repositories,
     secret_sealed text not null, created_at timestamptz not null default now())`,
  `create table services (
     id uuid primary key, team_id uuid not null references teams, slug text not null unique,
     repository_id uuid not null references repositories, path text not null default '.', next_run_number integer not null default 1,
     created_at timestamptz not null default now())`,
  `create table branch_heads (
     repository_id uuid not null references repositories, ref text not null, commit text not null,
     updated_at timestamptz not null default now(), primary key (repository_id, ref))`,
  `create table environments (
     id uuid primary key, team_id uuid not null references teams, name text not null, position integer not null default 0,
     settings jsonb not null, settings_hash text not null, updated_at timestamptz not null default now(), unique (team_id, name))`,
  `create table secrets (
     id uuid primary key, team_id uuid not null references teams, service_id uuid references services,
     environment_id uuid references environments, name text not null, value_sealed text not null, updated_by text not null,
     updated_at timestamptz not null default now(), last_used_at timestamptz)`,
  `create unique index secrets_scope on secrets (team_id, name, coalesce(service_id::text, ''), coalesce(environment_id::text, ''))`,

  // -- webhooks -------------------------------------------------------------------------------------------------
  `create table deliveries (
     id uuid primary key, team_id uuid not null references teams, hook_id uuid not null references hooks,
     repository_id uuid not null references repositories, delivery_key text not null, event text not null,
     ref text not null, content_key text not null, payload jsonb not null, received_at timestamptz not null default now(),
     status text not null default 'received' check (status in ('received','planned','ignored','failed')),
     tries integer not null default 0, outcome jsonb, unique (hook_id, delivery_key))`,
  `create index deliveries_ref on deliveries (hook_id, ref, id desc)`,
  `create index deliveries_after on deliveries (repository_id, (payload ->> 'after'))`,
  `create index deliveries_open on deliveries (received_at) where status = 'received'`,

  // -- runs -----------------------------------------------------------------------------------------------------
  `create table runs (
     id uuid primary key, team_id uuid not null references teams, service_id uuid not null references services,
     number integer not null, status text not null, version integer not null, ref text not null, commit text not null,
     trust text not null, dedupe_key text, definition jsonb not null, definition_text text not null default '',
     findings jsonb not null default '[]', plan_hash text not null, state jsonb not null,
     release_id uuid, created_at timestamptz not null, finished_at timestamptz,
     unique (service_id, number))`,
  `create unique index runs_dedupe on runs (service_id, dedupe_key) where dedupe_key is not null`,
  `create index runs_commit on runs (service_id, commit)`,
  `create index runs_open on runs (team_id) where finished_at is null`,
  `create table run_events (
     run_id uuid not null references runs on delete cascade, sequence integer not null, at timestamptz not null,
     event jsonb not null, primary key (run_id, sequence))`,

  // -- attempts and leases --------------------------------------------------------------------------------------
  `create table pools (
     id uuid primary key, team_id uuid references teams, name text not null unique, trust text not null,
     labels jsonb not null default '[]', created_at timestamptz not null default now())`,
  `create table runner_registration_tokens (
     id uuid primary key, pool_id uuid not null references pools, token_hash text not null unique,
     created_by text not null, expires_at timestamptz not null, used_at timestamptz)`,
  `create table runners (
     id uuid primary key, pool_id uuid not null references pools, name text not null, token_hash text not null unique,
     slots integer not null default 1, version text not null default '', draining boolean not null default false,
     registered_at timestamptz not null default now(), last_seen_at timestamptz not null default now(), removed_at timestamptz)`,
  `create table attempts (
     id uuid primary key, team_id uuid not null references teams, run_id uuid not null references runs on delete cascade,
     service_id uuid not null references services, job_key text not null, number integer not null,
     pool_id uuid references pools, trust text not null, labels jsonb not null default '[]', priority integer not null default 0,
     status text not null default 'queued', epoch integer not null default 0,
     runner_id uuid references runners, poll_id uuid, queued_at timestamptz not null default now(), leased_at timestamptz,
     expires_at timestamptz, started_at timestamptz, finished_at timestamptz, cancel_requested_at timestamptz,
     steps jsonb not null default '[]', result jsonb, reason jsonb, exit_code integer,
     log_length bigint not null default 0, log_sha256 text, log_sealed_at timestamptz,
     log_truncated boolean not null default false, log_incomplete boolean not null default false,
     unique (run_id, job_key, number))`,
  `create index attempts_ready on attempts (pool_id, team_id, priority desc, queued_at) where status = 'queued'`,
  `create index attempts_leased on attempts (expires_at) where status = 'running'`,
  `create index attempts_unsealed on attempts (finished_at) where log_sealed_at is null and finished_at is not null`,
  `create table polls (
     id uuid primary key, runner_id uuid not null references runners on delete cascade, pool_id uuid not null references pools,
     replica_id uuid not null, since timestamptz not null default now(), expires_at timestamptz not null,
     attempt_id uuid references attempts on delete cascade)`,
  `create index polls_waiting on polls (pool_id, since) where attempt_id is null`,

  // -- logs and reports -----------------------------------------------------------------------------------------
  `create table log_chunks (
     attempt_id uuid not null references attempts on delete cascade, start_offset bigint not null, bytes bytea not null,
     primary key (attempt_id, start_offset))`,
  `create table log_segments (
     attempt_id uuid not null references attempts on delete cascade, start_offset bigint not null, length bigint not null,
     sha256 text not null, blob_key text not null, primary key (attempt_id, start_offset))`,
  `create table test_cases (
     attempt_id uuid not null references attempts on delete cascade, run_id uuid not null, service_id uuid not null,
     job_key text not null, file text not null, ordinal integer not null, suite text not null, name text not null,
     status text not null, seconds double precision not null, message text, primary key (attempt_id, file, ordinal))`,
  `create index test_cases_run on test_cases (run_id)`,

  // -- releases, lanes, deployments -----------------------------------------------------------------------------
  `create table releases (
     id uuid primary key, team_id uuid not null references teams, service_id uuid not null references services,
     run_id uuid not null unique references runs, run_number integer not null, commit text not null,
     repository text not null, digest text not null, plan_hash text not null, route jsonb not null,
     evidence jsonb not null, created_at timestamptz not null default now())`,
  `create table lanes (
     id uuid primary key, team_id uuid not null references teams, service_id uuid not null references services,
     environment_id uuid not null references environments, version integer not null, state jsonb not null,
     unique (service_id, environment_id))`,
  `create table lane_events (
     lane_id uuid not null references lanes on delete cascade, sequence integer not null, at timestamptz not null,
     event jsonb not null, primary key (lane_id, sequence))`,
  `create table deployments (
     id uuid primary key, team_id uuid not null references teams, lane_id uuid not null references lanes,
     service_id uuid not null references services, environment_id uuid not null references environments,
     release_id uuid not null references releases, status text not null, requested_by jsonb not null,
     approvals jsonb not null default '[]', binding text not null, settings jsonb not null,
     intent jsonb, cursor jsonb, target_events jsonb not null default '[]', reason jsonb,
     replaced_deployment_id uuid, holder uuid, holder_until timestamptz,
     entered_at timestamptz not null, started_at timestamptz, finished_at timestamptz,
     unique (lane_id, release_id))`,
  `create unique index deployments_active on deployments (lane_id) where status in ('running','unknown')`,
  `create index deployments_open on deployments (team_id) where status in ('waiting','running','unknown')`,

  // -- messages, audit ------------------------------------------------------------------------------------------
  `create table outbox (
     id bigint generated always as identity primary key, topic text not null, payload jsonb not null,
     created_at timestamptz not null default now(), available_at timestamptz not null default now(),
     tries integer not null default 0, last_error text)`,
  `create index outbox_available on outbox (topic, available_at, id)`,
  `create table audit_entries (
     sequence bigint generated always as identity primary key, at timestamptz not null default now(),
     team_id uuid references teams, actor jsonb not null, action text not null, subject text not null,
     detail jsonb not null default '{}', previous_hash text not null, hash text not null)`,
];
