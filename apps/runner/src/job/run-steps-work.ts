import type { LeaseGrant } from '@sluice/protocol';
import type { CheckedOutCommit } from '../checkout/mirror-cache.ts';
import { requireFolder } from '../checkout/mirror-cache.ts';
import { commitTar, folderInTree } from '../checkout/service-tree.ts';
import type { Sandbox, StepsWork } from '../executor/executor.port.ts';
import { sendJunitReports } from '../reports/send-junit-reports.ts';
import type { Outcome } from './attempt-outcome.ts';
import { PASSED, stoppedOutcome, thrownOutcome } from './attempt-outcome.ts';
import { stepEnvironment } from './job-environment.ts';
import type { WorkOutcome, WorkParts } from './job-parts.ts';
import { runStep } from './run-step.ts';
import { StepReports } from './step-reports.ts';

/** Checkout and containers side by side, then the steps one by one, then the test reports. The first step that does not pass ends the job. */
export async function runStepsWork(grant: LeaseGrant, work: StepsWork, parts: WorkParts): Promise<WorkOutcome> {
  const { api, executor, control, log, backOff, now } = parts;
  const reports = new StepReports(
    api,
    grant,
    work.steps.map(({ name }) => name),
    now,
    control.lost,
  );
  let sandbox: Sandbox | undefined;
  let outcome: Outcome;
  try {
    const path = folderInTree(grant.source.path);
    const source = checkOut(grant, path, parts).then((checkout) => ({ tar: async () => commitTar(checkout) }));
    // Awaited by the executor; it may throw before it gets there.
    source.catch(() => undefined);
    const plan = { attemptId: grant.attemptId, epoch: grant.epoch, work, registries: grant.registries, path, source };
    sandbox = await executor.prepare(plan, log, control.stopped);
    outcome = await runSteps(grant, work, sandbox, reports, parts);
    if (outcome.outcome === 'passed' || outcome.outcome === 'failed') {
      await sendJunitReports({ api, lease: grant, sandbox, globs: work.junit, log, backOff, signal: control.lost });
    }
  } catch (error) {
    outcome = control.stopped.aborted ? stoppedOutcome(control.cause, grant.job.timeoutSeconds) : thrownOutcome(error);
  }
  if (outcome.reason !== undefined) log.line(outcome.reason.message);
  reports.skipRest();
  const cleaned = sandbox?.destroy() ?? Promise.resolve();
  cleaned.catch(() => undefined);
  return { ...outcome, steps: reports.all, cleaned };
}

async function runSteps(
  grant: LeaseGrant,
  work: StepsWork,
  sandbox: Sandbox,
  reports: StepReports,
  { log, control }: WorkParts,
): Promise<Outcome> {
  for (const [index, step] of work.steps.entries()) {
    if (control.stopped.aborted) return stoppedOutcome(control.cause, grant.job.timeoutSeconds);
    reports.begin(index, log.beginStep(step.run));
    const env = stepEnvironment(grant, work.env, step.env);
    const outcome = await runStep(step, { sandbox, log, control, env, jobTimeoutSeconds: grant.job.timeoutSeconds });
    log.settle();
    reports.end(index, outcome.outcome, outcome.outcome === 'passed' ? 0 : outcome.exitCode);
    if (outcome.outcome !== 'passed') return outcome;
  }
  return PASSED;
}

async function checkOut(grant: LeaseGrant, path: string, { mirrors, control }: WorkParts): Promise<CheckedOutCommit> {
  const checkout = await mirrors.provide(grant.source, control.stopped);
  await requireFolder(checkout, path);
  return checkout;
}
