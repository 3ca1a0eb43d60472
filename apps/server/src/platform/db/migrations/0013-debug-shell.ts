import { sql, type Kysely } from 'kysely';

/** Containers of failed jobs that are kept for a time, the shells that people open in them, and what goes to and fro. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  `alter table runs add column keep_minutes integer, add column keep_asked_by jsonb`,
  `create table kept_jobs (
     attempt_id uuid primary key references attempts on delete cascade, team_id uuid not null references teams,
     run_id uuid not null, runner_id uuid not null, epoch integer not null,
     since timestamptz not null default now(), until timestamptz not null, heard_at timestamptz not null default now(),
     ended_at timestamptz, ended_why text, last_sequence bigint not null default 0)`,
  `create index kept_jobs_run on kept_jobs (run_id)`,
  `create index kept_jobs_open on kept_jobs (until) where ended_at is null`,
  `create table debug_shells (
     id uuid primary key, attempt_id uuid not null references kept_jobs on delete cascade, team_id uuid not null references teams,
     opened_by uuid not null, opened_by_actor jsonb not null, opened_at timestamptz not null default now(),
     used_at timestamptz not null default now(), closed_at timestamptz, closed_why text,
     output_length bigint not null default 0, read_to bigint not null default 0)`,
  `create index debug_shells_job on debug_shells (attempt_id)`,
  `create table shell_orders (
     attempt_id uuid not null references kept_jobs on delete cascade, sequence bigint not null, shell_id uuid not null,
     shell_order jsonb not null, primary key (attempt_id, sequence))`,
  `create table shell_output (
     shell_id uuid not null references debug_shells on delete cascade, start_offset bigint not null, bytes bytea not null,
     primary key (shell_id, start_offset))`,
];
