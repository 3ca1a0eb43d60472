import type { LeaseGrant } from '@sluice/protocol';
import type { CheckedOutCommit } from '../checkout/mirror-cache.ts';
import { requireFolder } from '../checkout/mirror-cache.ts';
import { commitTar, folderInTree } from '../checkout/service-tree.ts';
import { leaveArtifacts, takeArtifacts } from '../files/artifacts.ts';
import { keepCaches, restoreCaches } from '../files/caches.ts';
import type { OpenedCache } from '../files/caches.ts';
import { fileParts } from '../files/file-parts.ts';
import type { FileParts } from '../files/file-parts.ts';
import { LeaseLost } from '../server/server-answer.ts';
import { ExecutorTrouble } from '../executor/executor.port.ts';
import type { Sandbox, StepsWork } from '../executor/executor.port.ts';
import { sendJunitReports } from '../reports/send-junit-reports.ts';
import type { JobProgress } from '../result/job-progress.ts';
import type { Outcome } from './attempt-outcome.ts';
import { PASSED, stoppedOutcome, thrownOutcome } from './attempt-outcome.ts';
import { stepEnvironment } from './job-environment.ts';
import type { WorkOutcome, WorkParts } from './job-parts.ts';
import { readGenerated } from './read-generated.ts';
import { readOutputs } from './read-outputs.ts';
import { runStep } from './run-step.ts';
import { secretsFingerprint } from './secrets-fingerprint.ts';
import { secretsOf } from './secrets-of.ts';
import { stepIsDue } from './step-is-due.ts';
import { StepReports } from './step-reports.ts';

/** A job that an earlier process of the runner began. */
export interface EarlierWork {
  readonly progress: JobProgress;
  readonly sandbox: Sandbox;
}

type SaveProgress = (change: Pick<JobProgress, 'outcome' | 'running' | 'logOffset'>) => Promise<void>;

/** Checkout and containers side by side, then artifacts and caches, then the steps one by one, then what they leave: test reports and files. */
export async function runStepsWork(
  grant: LeaseGrant,
  work: StepsWork,
  parts: WorkParts,
  earlier?: EarlierWork,
): Promise<WorkOutcome> {
  const { api, control, log, backOff, now } = parts;
  const names = work.steps.map(({ name }) => name);
  const reports = new StepReports(api, grant, names, now, control.lost, earlier?.progress.steps);
  let sandbox = earlier?.sandbox;
  let outcome: Outcome;
  let outputs: WorkOutcome['outputs'];
  let generated: string | undefined;
  try {
    const path = folderInTree(grant.source.path);
    const save = progressKeeper(grant, path, reports, parts, earlier?.progress);
    sandbox ??= await prepare(grant, work, path, parts);
    const files = fileParts(grant, sandbox, parts);
    // Progress is noted first when these are in place: a job that is taken up again has them, and keeps no cache.
    if (earlier === undefined) await takeArtifacts(work, files);
    const caches = earlier === undefined ? await restoreCaches(work, files) : [];
    const ended = await runSteps(grant, work, sandbox, { ...parts, reports, save }, earlier?.progress);
    outcome = ended.outcome;
    outputs = ended.outputs;
    if (outcome.outcome === 'passed' || outcome.outcome === 'failed') {
      await sendJunitReports({ api, lease: grant, sandbox, globs: work.junit, log, backOff, signal: control.lost });
      outcome = await leaveFiles(outcome, work, caches, files);
      if (outcome.outcome === 'passed' && work.generate)
        ({ generated, ...outcome } = await readGenerated(sandbox, work.generate, secretsOf(grant)));
    }
  } catch (error) {
    outcome = control.stopped.aborted ? stoppedOutcome(control.cause, grant.job.timeoutSeconds) : thrownOutcome(error);
  }
  if (outcome.reason !== undefined) log.line(outcome.reason.message);
  reports.skipRest();
  const kept = sandbox && outcome.outcome === 'failed' ? parts.kept.take(grant, work, sandbox, parts) : undefined;
  const cleaned = kept?.gone ?? sandbox?.destroy() ?? Promise.resolve();
  cleaned.catch(() => undefined);
  const written = outcome.outcome === 'passed' && outputs !== undefined ? { outputs } : {};
  return {
    ...outcome,
    ...written,
    ...(generated === undefined ? {} : { generated }),
    steps: reports.all,
    ...(kept === undefined ? {} : { kept }),
    cleaned,
  };
}

/** What a command said stands: after it, files that cannot be kept are a line of the log. */
async function leaveFiles(
  outcome: Outcome,
  work: StepsWork,
  caches: readonly OpenedCache[],
  files: FileParts,
): Promise<Outcome> {
  if (outcome.outcome === 'passed') {
    await leaveArtifacts(work, files, true);
    await keepCaches(caches, work, files);
    return outcome;
  }
  await leaveArtifacts(work, files, false).catch((error: unknown) => {
    if (error instanceof LeaseLost || files.signal.aborted) throw error;
    files.log.line(error instanceof Error ? error.message : String(error));
  });
  return outcome;
}

function prepare(grant: LeaseGrant, work: StepsWork, path: string, parts: WorkParts): Promise<Sandbox> {
  const { executor, log, control } = parts;
  if (work.image === undefined && grant.run.trust !== 'trusted')
    throw new ExecutorTrouble('host', 'A run from outside the team never runs on the machine of a runner itself.');
  const source = checkOut(grant, path, parts).then((checkout) => ({ tar: async () => commitTar(checkout) }));
  // Awaited by the executor; it may throw before it gets there.
  source.catch(() => undefined);
  const { attemptId, epoch, registries } = grant;
  return executor.prepare({ attemptId, epoch, work, registries, path, source }, log, control.stopped);
}

/** A disk that takes no note of it costs the job nothing, unless the runner is restarted. */
function progressKeeper(
  grant: LeaseGrant,
  path: string,
  reports: StepReports,
  { folder, uptime, logger }: WorkParts,
  earlier?: JobProgress,
): SaveProgress {
  const begunAt = earlier?.begunAt ?? uptime();
  const fingerprint = earlier === undefined ? secretsFingerprint(grant.secrets) : Promise.resolve(earlier.secrets);
  // Awaited with the first note; the job may end before it.
  fingerprint.catch(() => undefined);
  return async (change) => {
    try {
      const secrets = await fingerprint;
      const { renewSeconds } = grant;
      await folder.saveProgress({ path, renewSeconds, begunAt, steps: reports.all, secrets, ...change });
    } catch (error) {
      logger.warn({ attempt: grant.attemptId, err: error }, 'the progress of the job could not be noted');
    }
  };
}

/**
 * The first step that does not pass decides the outcome; those behind it run only if they ask for a failure. Nothing runs any
 * more after a cancel, the end of the job's time, or trouble of ours.
 */
async function runSteps(
  grant: LeaseGrant,
  work: StepsWork,
  sandbox: Sandbox,
  { log, control, uptime, reports, save }: WorkParts & { readonly reports: StepReports; readonly save: SaveProgress },
  earlier?: JobProgress,
): Promise<{ readonly outcome: Outcome; readonly outputs: Readonly<Record<string, string>> | undefined }> {
  const jobTimeoutSeconds = grant.job.timeoutSeconds;
  const declared = work.outputs ?? [];
  let outputs: Readonly<Record<string, string>> = {};
  let outcome: Outcome = earlier === undefined ? PASSED : presentOutcome(earlier.outcome);
  const takeOutputs = async (): Promise<void> => {
    if (declared.length === 0) return;
    const read = await readOutputs(sandbox, declared, secretsOf(grant));
    if (read.kind === 'written') outputs = read.outputs;
    else if (outcome.outcome === 'passed') outcome = { outcome: 'failed', reason: read.reason };
  };
  if (earlier !== undefined) reports.repeat();
  // A step that is under way may have written half of a line.
  if (earlier?.running === null) await takeOutputs();
  for (const [index, step] of work.steps.entries()) {
    if (reports.isOver(index)) continue;
    if (control.stopped.aborted)
      return { outcome: stoppedOutcome(control.cause, jobTimeoutSeconds), outputs: undefined };
    const running = earlier?.running?.index === index ? earlier.running : undefined;
    const moment = { failed: outcome.outcome !== 'passed', facts: work.facts, outputs: withBlanks(declared, outputs) };
    // One that had begun before was due then.
    if (running === undefined && !stepIsDue(step, moment)) {
      reports.skip(index);
      continue;
    }
    const begunAt = running?.begunAt ?? uptime();
    const logOffset = await log.settled();
    if (running === undefined) reports.begin(index, logOffset);
    await save({ outcome, running: { index, begunAt }, logOffset });
    log.beginStep(step.run);
    const env = stepEnvironment(grant, work.env, step.env, sandbox.outputFile);
    const ranFor = uptime() - begunAt;
    const ended = await runStep(index, step, { sandbox, log, control, env, jobTimeoutSeconds, ranFor });
    log.settle();
    reports.end(index, ended.outcome, ended.outcome === 'passed' ? 0 : ended.exitCode);
    if (ended.outcome === 'failed' && outcome.outcome === 'passed') outcome = ended;
    else if (ended.outcome === 'failed' && ended.reason) log.line(ended.reason.message);
    // What a command said stands, even if the container does not live to see the end.
    if (ended.outcome === 'errored')
      return { outcome: outcome.outcome === 'failed' ? outcome : ended, outputs: undefined };
    if (ended.outcome === 'cancelled' || control.stopped.aborted) return { outcome: ended, outputs: undefined };
    await takeOutputs();
  }
  await save({ outcome, running: null, logOffset: await log.settled() });
  return { outcome, outputs: declared.length === 0 ? undefined : outputs };
}

function presentOutcome({ outcome, reason, exitCode }: JobProgress['outcome']): Outcome {
  return {
    outcome,
    ...(reason === undefined ? {} : { reason }),
    ...(exitCode === undefined ? {} : { exitCode }),
  };
}

/** In a condition, what nobody has written yet is empty. */
function withBlanks(
  declared: readonly string[],
  outputs: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(declared.map((name) => [name, outputs[name] ?? '']));
}

async function checkOut(
  grant: LeaseGrant,
  path: string,
  { mirrors, control, log }: WorkParts,
): Promise<CheckedOutCommit> {
  const checkout = await mirrors.provide(grant.source, control.stopped, (line) => log.line(line));
  await requireFolder(checkout, path);
  return checkout;
}
