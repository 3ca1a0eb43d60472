import { sql, type RawBuilder } from 'kysely';

/** Newest runs of a service that stay, however old they are: a service that rests still shows what it did last. */
export const RUNS_ALWAYS_KEPT = 20;
/** Releases that went live in a lane, newest first, to which it could go back. */
export const RELEASES_TO_GO_BACK_TO = 10;

/**
 * True for a run of which nothing may be removed: it has not ended or its logs are still open; a lane waits for its release,
 * deploys it, has it live, names it in any other way (a pin), or could go back to it; or a kept run ran it again, which
 * takes its hands from it. `run`: the name of a row of `runs`.
 */
export function isHeld(run: string): RawBuilder<boolean> {
  const id = sql.ref(`${run}.id`);
  return sql<boolean>`(
    ${sql.ref(`${run}.finished_at`)} is null
    or exists (select from attempts where attempts.run_id = ${id} and attempts.log_sealed_at is null)
    or exists (select from runs as again where again.rerun_of = ${id})
    or exists (
      select from releases join lanes on lanes.service_id = releases.service_id
      where releases.run_id = ${id} and strpos((lanes.state - 'endedReleases')::text, releases.id::text) > 0)
    or exists (
      select from releases join deployments on deployments.release_id = releases.id
      where releases.run_id = ${id} and (
        deployments.status in ('waiting', 'running', 'unknown') or deployments.holder is not null
        or (deployments.status = 'passed' and ${RELEASES_TO_GO_BACK_TO} > (
          select count(*) from (
            select from deployments as newer
            where newer.lane_id = deployments.lane_id and newer.status = 'passed' and newer.entered_at > deployments.entered_at
            limit ${RELEASES_TO_GO_BACK_TO}) as newer))))
  )`;
}
