import type { LeaseGrant } from '@sluice/protocol';
import { buildContext, folderInTree } from '../checkout/service-tree.ts';
import type { ImageWork } from '../executor/executor.port.ts';
import type { Outcome } from './attempt-outcome.ts';
import { PASSED, stoppedOutcome, thrownOutcome } from './attempt-outcome.ts';
import type { WorkOutcome, WorkParts } from './job-parts.ts';
import { StepReports } from './step-reports.ts';

/** Builds the one image of the run and pushes it. Shown as a job with one step. */
export async function runImageWork(
  grant: LeaseGrant,
  work: ImageWork,
  { api, executor, mirrors, control, log, now }: WorkParts,
): Promise<WorkOutcome> {
  const reports = new StepReports(api, grant, ['build image'], now, control.lost);
  let outcome: Outcome;
  let image: WorkOutcome['image'];
  reports.begin(0, log.beginStep(`build ${work.repository}`));
  try {
    const folder = folderInTree(grant.source.path, work.context);
    const checkout = await mirrors.provide(grant.source, control.stopped, (line) => log.line(line));
    const { commit, team, service, trust } = grant.run;
    image = await executor.buildImage(
      {
        attemptId: grant.attemptId,
        work,
        registries: grant.registries,
        commit,
        sourceUrl: grant.source.url,
        cacheScope: `${team}/${service}/${trust}`,
        context: () => buildContext(checkout, folder, work.dockerfile),
      },
      log,
      control.stopped,
    );
    outcome = PASSED;
  } catch (error) {
    outcome = control.stopped.aborted ? stoppedOutcome(control.cause, grant.job.timeoutSeconds) : thrownOutcome(error);
  }
  if (outcome.reason !== undefined) log.line(outcome.reason.message);
  log.settle();
  reports.end(0, outcome.outcome, outcome.outcome === 'passed' ? 0 : outcome.exitCode);
  return { ...outcome, steps: reports.all, cleaned: Promise.resolve(), ...(image === undefined ? {} : { image }) };
}
