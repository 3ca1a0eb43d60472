import { Inject, Injectable } from '@nestjs/common';
import { ROLES, type Actor } from '@sluice/engine';
import type { KeptJob } from '@sluice/protocol';
import { Kysely, sql } from 'kysely';
import type { Db } from '../../platform/db/database.ts';
import type { UserPrincipal } from '../../platform/http/principal.ts';
import { KeepSettings, runInScope } from '../runs/index.ts';
import { TIME_IS_OVER } from './keep-job.ts';

export interface RunDebug {
  readonly mostMinutes: number | null;
  readonly refusal: string | null;
  readonly asked: { readonly by: Actor; readonly minutes: number } | null;
  readonly kept: KeptJob[];
}

/** What is kept of a run's failed jobs, and whether the person may ask for more. */
@Injectable()
export class ReadDebug {
  readonly #db: Db;
  readonly #settings: KeepSettings;
  constructor(@Inject(Kysely) db: Db, settings: KeepSettings) {
    this.#db = db;
    this.#settings = settings;
  }

  async ofRun(person: UserPrincipal, runId: string): Promise<RunDebug> {
    const { teamId } = await runInScope(this.#db, person, runId);
    const run = await this.#db
      .selectFrom('runs')
      .select(['trust', 'keep_minutes', 'keep_asked_by'])
      .where('id', '=', runId)
      .executeTakeFirstOrThrow();
    const refusal = this.#settings.refusal(run)?.message ?? roleRefusal(person, teamId);
    return {
      mostMinutes: refusal === undefined ? this.#settings.mostMinutes : null,
      refusal: refusal ?? null,
      asked:
        run.keep_minutes !== null && run.keep_asked_by ? { by: run.keep_asked_by, minutes: run.keep_minutes } : null,
      kept: await this.#kept(runId),
    };
  }

  async #kept(runId: string): Promise<KeptJob[]> {
    const jobs = await this.#db
      .selectFrom('kept_jobs')
      .innerJoin('attempts', 'attempts.id', 'kept_jobs.attempt_id')
      .leftJoin('runners', 'runners.id', 'kept_jobs.runner_id')
      .select([
        'kept_jobs.attempt_id',
        'attempts.job_key',
        'attempts.number',
        'runners.name as runner',
        'kept_jobs.since',
        'kept_jobs.until',
        'kept_jobs.ended_why',
      ])
      // Its time ends it, whether or not somebody has written that down.
      .select(sql<Date | null>`coalesce(ended_at, case when until <= clock_timestamp() then until end)`.as('over_at'))
      .where('kept_jobs.run_id', '=', runId)
      .orderBy('kept_jobs.since')
      .execute();
    if (jobs.length === 0) return [];
    const shells = await this.#db
      .selectFrom('debug_shells')
      .selectAll()
      .where(
        'attempt_id',
        'in',
        jobs.map((job) => job.attempt_id),
      )
      .orderBy('opened_at')
      .execute();
    return jobs.map((job) => ({
      attemptId: job.attempt_id,
      job: job.job_key,
      attempt: job.number,
      runner: job.runner ?? 'removed',
      since: job.since.toISOString(),
      until: job.until.toISOString(),
      endedAt: job.over_at?.toISOString() ?? null,
      ended: job.over_at === null ? null : (job.ended_why ?? TIME_IS_OVER),
      shells: shells
        .filter((shell) => shell.attempt_id === job.attempt_id)
        .map((shell) => ({
          id: shell.id,
          by: shell.opened_by_actor,
          openedAt: shell.opened_at.toISOString(),
          closedAt: shell.closed_at?.toISOString() ?? null,
          closed: shell.closed_why,
        })),
    }));
  }
}

function roleRefusal(person: UserPrincipal, teamId: string): string | undefined {
  const role = person.memberships.find((membership) => membership.teamId === teamId)?.role;
  if (role !== undefined && ROLES.indexOf(role) >= ROLES.indexOf('developer')) return undefined;
  return 'Keeping a container and opening a shell in it needs the role developer.';
}
