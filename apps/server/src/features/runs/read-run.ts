import { Injectable } from '@nestjs/common';
import { Kysely } from 'kysely';
import type { z } from 'zod';
import { priorityOfRank, type LaneState, type RunState } from '@sluice/engine';
import type { attemptDetail, jobDetail, runDetail, runEvent, runLane, stepDetail, testCase } from '@sluice/protocol';
import { removedOf } from '../../platform/db/removed.ts';
import type { RemovedTests, Row, Tables } from '../../platform/db/schema.ts';
import type { UserPrincipal } from '../../platform/http/principal.ts';
import { notFound, Problem, removedByRetention } from '../../platform/http/problem.ts';
import { readRunStatus } from '../catalog/index.ts';
import { currentStates } from './current-states.ts';
import { describeEvent } from './describe-event.ts';
import { ExplainQueue } from './explain-queue.ts';
import { runInScope, serviceInScope, type ServiceScope } from './service-scope.ts';
import { showCause, type ShownCause } from './show-cause.ts';
import { summariseRun } from './summarise-run.ts';

export type RunDetail = z.infer<typeof runDetail>;
type JobDetail = z.infer<typeof jobDetail>;

/** Everything the run page shows, from the run's state, its attempt rows and the lanes it waits for. */
@Injectable()
export class ReadRun {
  readonly #db: Kysely<Tables>;
  readonly #queue: ExplainQueue;
  constructor(db: Kysely<Tables>, queue: ExplainQueue) {
    this.#db = db;
    this.#queue = queue;
  }

  async byNumber(person: UserPrincipal, service: string, number: number): Promise<RunDetail> {
    const scope = await serviceInScope(this.#db, person, service);
    const row = await this.#db
      .selectFrom('runs')
      .select(['id', 'version', 'state', 'findings', 'tests_removed'])
      .where('service_id', '=', scope.id)
      .where('number', '=', number)
      .executeTakeFirst();
    if (!row) throw await this.#missing(scope, number);
    const state = (await currentStates(this.#db, [row])).get(row.id)!;
    const [attempts, counts, lanes, status] = await Promise.all([
      this.#db.selectFrom('attempts').selectAll().where('run_id', '=', row.id).orderBy('number').execute(),
      row.tests_removed ? countsOf(row.tests_removed) : this.#testCounts(row.id),
      this.#lanes(state),
      readRunStatus(this.#db, { id: row.id, serviceId: scope.id, commit: state.commit }),
    ]);
    const jobs = await this.#jobs(state, attempts);
    return {
      ...summariseRun(state, { service: scope.slug, team: scope.team }),
      jobs,
      image: state.image ?? null,
      releaseId: state.releaseId ?? null,
      lanes,
      tests: counts,
      ...(row.tests_removed
        ? { testsRemoved: { at: row.tests_removed.at, afterDays: row.tests_removed.afterDays } }
        : {}),
      findings: row.findings.map(({ severity, message, line, column, rule, file, job }) => ({
        severity,
        message,
        line,
        column,
        rule,
        ...(job === undefined ? {} : { generated: { job, file } }),
      })),
      cancelRequested: state.cancelRequested ? { by: state.cancelRequested.by, at: state.cancelRequested.at } : null,
      ...(state.admitted ? { admitted: state.admitted } : {}),
      waiting: runWait(state, jobs, lanes),
      ...status,
    };
  }

  /** Numbers are given without a gap, so a number that is not there was there once. */
  async #missing(service: ServiceScope, number: number): Promise<Problem> {
    const { next_run_number: next } = await this.#db
      .selectFrom('services')
      .select('next_run_number')
      .where('id', '=', service.id)
      .executeTakeFirstOrThrow();
    if (number >= next) return notFound(`Run ${number} of ${service.slug}`);
    return new Problem(
      410,
      'run-removed',
      `Run ${number} of ${service.slug} was removed by retention, with all that belonged to it; newer runs are still there.`,
    );
  }

  async events(person: UserPrincipal, runId: string): Promise<z.infer<typeof runEvent>[]> {
    const run = await runInScope(this.#db, person, runId);
    const rows = await this.#db
      .selectFrom('run_events')
      .select(['sequence', 'at', 'event'])
      .where('run_id', '=', run.id)
      .orderBy('sequence')
      .execute();
    return rows.map((row) => ({
      sequence: row.sequence,
      at: row.at.toISOString(),
      type: row.event.type,
      text: describeEvent(row.event),
    }));
  }

  async tests(person: UserPrincipal, runId: string): Promise<z.infer<typeof testCase>[]> {
    const run = await runInScope(this.#db, person, runId);
    const { tests_removed: removed } = await this.#db
      .selectFrom('runs')
      .select('tests_removed')
      .where('id', '=', run.id)
      .executeTakeFirstOrThrow();
    if (removed) throw removedByRetention('tests-removed', 'The test cases of this run were removed', removed);
    const rows = await this.#db
      .selectFrom('test_cases')
      .selectAll()
      .where('run_id', '=', run.id)
      .orderBy((eb) =>
        eb.case().when('status', '=', 'failed').then(0).when('status', '=', 'skipped').then(1).else(2).end(),
      )
      .orderBy('job_key')
      .orderBy('suite')
      .orderBy('ordinal')
      .limit(10_000)
      .execute();
    return rows.map((row) => ({
      job: row.job_key,
      suite: row.suite,
      name: row.name,
      status: row.status,
      seconds: row.seconds,
      message: row.message,
    }));
  }

  async #jobs(state: RunState, rows: readonly Row<'attempts'>[]): Promise<JobDetail[]> {
    const causes = await this.#queue.explain(rows.filter(({ status }) => status === 'queued'));
    return state.plan.jobs.map((planned) => {
      const job = state.jobs[planned.key];
      const attempts = rows.filter((row) => row.job_key === planned.key);
      const newest = attempts.at(-1);
      return {
        key: planned.key,
        stage: planned.stage,
        name: planned.name,
        needs: [...planned.needs],
        status: job?.status ?? 'queued',
        image: planned.work.kind === 'steps' ? (planned.work.spec.image ?? null) : planned.work.spec.repository,
        startedAt: job?.startedAt ?? null,
        finishedAt: job?.finishedAt ?? null,
        reason: job?.reason ?? null,
        waiting: (newest && causes.get(newest.id)) ?? showCause({ kind: 'job', state, jobKey: planned.key }),
        attempts: attempts.map((row) => attemptOf(row, state)),
        ...(planned.variant ? { matrix: { ...planned.variant.values } } : {}),
        ...(job?.allowed ? { allowedFailure: job.allowed } : {}),
        ...(job?.outputs ? { outputs: { ...job.outputs } } : {}),
        ...(planned.generatedBy === undefined ? {} : { generatedBy: planned.generatedBy }),
        ...(job?.carriedFrom === undefined ? {} : { carriedFrom: job.carriedFrom }),
      };
    });
  }

  async #testCounts(runId: string): Promise<RunDetail['tests']> {
    const rows = await this.#db
      .selectFrom('test_cases')
      .select((eb) => ['status', eb.fn.countAll<number>().as('count')])
      .where('run_id', '=', runId)
      .groupBy('status')
      .execute();
    if (rows.length === 0) return null;
    const count = (status: string) => Number(rows.find((row) => row.status === status)?.count ?? 0);
    return { passed: count('passed'), failed: count('failed'), skipped: count('skipped') };
  }

  async #lanes(state: RunState): Promise<z.infer<typeof runLane>[]> {
    const rows = await this.#db
      .selectFrom('lanes')
      .innerJoin('environments', 'environments.id', 'lanes.environment_id')
      .select(['environments.name', 'lanes.state'])
      .where('lanes.service_id', '=', state.serviceId)
      .execute();
    const laneOf = new Map<string, LaneState>(rows.map((row) => [row.name, row.state]));
    return state.lanes.map((mirror) => ({
      environment: mirror.environment,
      status: mirror.status,
      deploymentId: mirror.deploymentId ?? null,
      since: mirror.since ?? null,
      reason: mirror.reason ?? null,
      waiting: laneWait(state, laneOf.get(mirror.environment), mirror),
    }));
  }
}

function countsOf({ passed, failed, skipped }: RemovedTests): RunDetail['tests'] {
  return passed + failed + skipped === 0 ? null : { passed, failed, skipped };
}

function laneWait(
  state: RunState,
  lane: LaneState | undefined,
  { environment, deploymentId }: RunState['lanes'][number],
): ShownCause | null {
  const held = lane && deploymentId !== undefined ? showCause({ kind: 'deployment', lane, deploymentId }) : null;
  return held ?? showCause({ kind: 'environment', state, environment });
}

/** What a run as a whole waits for: nothing as long as one of its jobs runs, unless it is to stop. */
function runWait(state: RunState, jobs: readonly JobDetail[], lanes: RunDetail['lanes']): ShownCause | null {
  const cancelling = showCause({ kind: 'cancel', state });
  if (cancelling || jobs.some((job) => job.status === 'running')) return cancelling;
  return (
    showCause({ kind: 'held', state }) ??
    jobs.find(({ waiting }) => waiting && waiting.code !== 'needs-job' && waiting.code !== 'earlier-stage')?.waiting ??
    lanes.find((lane) => lane.waiting && lane.waiting.code !== 'earlier-stage')?.waiting ??
    null
  );
}

function attemptOf(row: Row<'attempts'>, state: RunState): z.infer<typeof attemptDetail> {
  const removed = removedOf(row.log_removed_at, row.log_kept_days);
  const known = state.jobs[row.job_key as keyof RunState['jobs']]?.attempts.find((attempt) => attempt.id === row.id);
  return {
    id: row.id,
    number: row.number,
    status: row.status,
    priority: priorityOfRank(row.priority) ?? 'default',
    runner: known?.runner ?? null,
    queuedAt: row.queued_at.toISOString(),
    startedAt: row.started_at?.toISOString() ?? known?.startedAt ?? null,
    finishedAt: row.finished_at?.toISOString() ?? null,
    reason: row.reason,
    exitCode: row.exit_code,
    steps: row.steps as z.infer<typeof stepDetail>[],
    log: {
      length: row.log_length,
      sealed: row.log_sealed_at !== null,
      truncated: row.log_truncated,
      incomplete: row.log_incomplete,
      ...(removed ? { removed } : {}),
    },
  };
}
