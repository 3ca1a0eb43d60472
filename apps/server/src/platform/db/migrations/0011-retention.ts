import { sql, type Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  // -- limits, and what a sweep did -----------------------------------------------------------------------------
  // What a team keeps for a shorter time than the installation does; null = as the installation.
  `alter table teams add column retention jsonb`,
  // One row a sweep. The open one is held by its replica until held_until.
  `create table retention_sweeps (
     id uuid primary key, started_at timestamptz not null default now(), held_until timestamptz not null,
     finished_at timestamptz, removed jsonb not null default '{}', problems jsonb not null default '[]',
     more boolean not null default false)`,
  `create index retention_sweeps_started on retention_sweeps (started_at desc)`,

  // -- what was removed says so ---------------------------------------------------------------------------------
  `alter table attempts add column log_removed_at timestamptz, add column log_kept_days integer`,
  `alter table runs add column tests_removed jsonb`,
  `alter table deployments add column events_removed jsonb`,

  // -- what must outlive the rows it was read from --------------------------------------------------------------
  // Hands in a commit that deliveries and runs proved: a gate asks for them long after those are gone.
  `create table commit_hands (
     repository_id uuid not null references repositories, service_id uuid references services, commit text not null,
     part text not null check (part in ('pushed','triggered')), identity text not null, user_id uuid)`,
  `create unique index commit_hands_once on commit_hands (
     repository_id, commit, coalesce(service_id::text, ''), part, identity, coalesce(user_id::text, ''))`,
  // Where the chain of audit entries begins since its oldest ones were removed; sealed by the master key.
  `create table audit_start (
     only_row boolean primary key default true check (only_row), entries bigint not null, sequence bigint not null,
     hash text not null, seals integer not null, removed_to timestamptz not null, seal text not null)`,
  // A run that was run again is kept as long as the newer one, whose hands it holds.
  `alter table runs add column rerun_of uuid`,
  `update runs set rerun_of = (state #>> '{trigger,rerunOf}')::uuid where state #>> '{trigger,rerunOf}' is not null`,
  `create index runs_rerun_of on runs (rerun_of) where rerun_of is not null`,

  // -- what is due, found without reading what is not -----------------------------------------------------------
  `create index runs_ended on runs (team_id, finished_at) where finished_at is not null`,
  `create index attempts_log_kept on attempts (team_id, log_sealed_at) where log_sealed_at is not null and log_removed_at is null`,
  `create index test_reports_received on test_reports (received_at)`,
  `create index deployments_events_kept on deployments (team_id, finished_at) where finished_at is not null and events_removed is null`,
  `create index deployments_release on deployments (release_id)`,
  `create index commit_statuses_settled on commit_statuses (sent_at) where due_at is null`,
  `create index deliveries_received on deliveries (received_at) where status <> 'received'`,

  // -- list pages -----------------------------------------------------------------------------------------------
  `create index deliveries_of_hook on deliveries (hook_id, received_at desc)`,
  `create index deployments_of_lane on deployments (lane_id, entered_at desc)`,
  `create index deployments_decided on deployments (team_id, entered_at desc)
     where status <> 'waiting' and (approvals <> '[]' or reason ->> 'code' = 'rejected')`,
  `create index audit_entries_of_team on audit_entries (team_id, sequence desc)`,
];
