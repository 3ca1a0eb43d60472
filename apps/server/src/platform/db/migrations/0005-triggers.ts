import { sql, type Kysely } from 'kysely';

/**
 * Runs of pull requests are found by their number: they are held back, voided and left out of the board. The heads that
 * the last look at a repository saw are kept apart from those that were planned for: what differs was never announced.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table runs add column pull_request integer`.execute(db);
  await sql`create index runs_pull_request on runs (service_id, pull_request)
    where pull_request is not null and finished_at is null`.execute(db);
  await sql`create index runs_newest on runs (service_id, number desc) where pull_request is null`.execute(db);
  await sql`alter table repositories add column looked_at timestamptz, add column heads_known_at timestamptz`.execute(
    db,
  );
  await sql`create table seen_heads (
    repository_id uuid not null references repositories on delete cascade, ref text not null, commit text not null,
    seen_at timestamptz not null, told_at timestamptz, primary key (repository_id, ref))`.execute(db);
}
