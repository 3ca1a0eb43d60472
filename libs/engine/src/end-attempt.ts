import { isTerminal } from './statuses.ts';
import type { AttemptStatus } from './statuses.ts';
import type { BuiltImage, Reason, RunCommand, RunState } from './run.ts';
import type { JobKey, Plan, PlannedJob } from './plan.ts';
import { draftRun, ignored, rejected } from './run-draft.ts';
import type { RunDecision, RunDraft } from './run-draft.ts';
import { advanceRun } from './advance-run.ts';
import { endJobBadly, jobOf, overdueReason } from './end-stage.ts';
import { generatesTo, refuseGenerated } from './generate-jobs.ts';
import { judgeOutputs } from './judge-outputs.ts';
import { isOverdue } from './stage-timeout.ts';
import { mayRetry, retryJob } from './retry-job.ts';
import type { DecideContext } from './run.ts';

type Ended = Extract<RunCommand, { type: 'attempt-ended' }>;
type Bad = 'failed' | 'errored' | 'lost';

export function startAttempt(
  state: RunState,
  command: Extract<RunCommand, { type: 'attempt-started' }>,
  ctx: DecideContext,
): RunDecision {
  const attempt = state.jobs[command.jobKey]?.attempts.find(({ id }) => id === command.attemptId);
  if (!attempt) return unknownAttempt(command);
  if (attempt.status !== 'queued') return ignored(`The attempt is ${attempt.status} already.`);
  const draft = draftRun(state, ctx);
  begin(draft, command);
  return draft.accepted();
}

export function endAttempt(state: RunState, command: Ended, ctx: DecideContext): RunDecision {
  const { jobKey, attemptId } = command;
  const attempt = state.jobs[jobKey]?.attempts.find(({ id }) => id === attemptId);
  if (!attempt) return unknownAttempt(command);
  if (isTerminal(attempt.status)) return ignored(`The attempt ended already: ${attempt.status}.`);

  const draft = draftRun(state, ctx);
  const result = stopped(state, jobKey) ?? judge(command, plannedJob(state, jobKey), state.plan);
  // The word that it began may have been lost on the way; a result proves that it did.
  if (attempt.status === 'queued' && (result.status === 'passed' || result.status === 'failed')) {
    begin(draft, { jobKey, attemptId, runner: 'unknown' });
  }
  draft.emit({
    type: 'attempt-ended',
    jobKey,
    attemptId,
    status: result.status,
    ...(result.reason && { reason: result.reason }),
    ...(command.exitCode !== undefined && { exitCode: command.exitCode }),
  });
  settleJob(draft, jobKey, result, command.exitCode);
  advanceRun(draft);
  return draft.accepted();
}

interface Judged {
  readonly status: AttemptStatus;
  readonly reason?: Reason;
  readonly image?: BuiltImage;
  readonly outputs?: Readonly<Record<string, string>>;
  readonly generated?: readonly PlannedJob[];
}

/**
 * After a cancel has been acknowledged, every outcome counts as cancelled, a late success too (F60, F62); the same holds
 * for a stage that has run out of time.
 */
function stopped(state: RunState, jobKey: JobKey): Judged | undefined {
  if (state.cancelRequested)
    return { status: 'cancelled', reason: { code: 'run-cancelled', message: 'The run was cancelled.' } };
  const { stage } = plannedJob(state, jobKey);
  if (state.stages[stage].overdueAt === undefined) return undefined;
  return { status: 'cancelled', reason: overdueReason(state, stage) };
}

function judge({ outcome, reason, image, outputs, generated }: Ended, planned: PlannedJob, plan: Plan): Judged {
  switch (outcome) {
    case 'passed':
      if (planned.work.kind !== 'image')
        return judgeGenerated(judgeOutputs(planned, outputs ?? {}), planned, plan, generated);
      if (image?.digest) return { status: 'passed', image };
      return {
        status: 'errored',
        reason: {
          code: 'no-digest',
          message: 'The image was built, but no digest of a push to the registry was reported.',
        },
      };
    case 'cancelled':
      // Nobody asked for it, so it is trouble of ours and may be retried like any other.
      return {
        status: 'errored',
        reason: reason ?? {
          code: 'cancelled-by-runner',
          message: 'The runner gave the job up although nobody had cancelled the run.',
        },
      };
    case 'failed':
    case 'errored':
    case 'lost':
      return { status: outcome, reason: reason ?? DEFAULT_REASON[outcome] };
  }
}

function judgeGenerated(
  judged: Judged,
  planned: PlannedJob,
  plan: Plan,
  generated: readonly PlannedJob[] | undefined,
): Judged {
  if (judged.status !== 'passed' || generatesTo(planned) === undefined) return judged;
  const reason = refuseGenerated(plan, planned, generated);
  return reason ? { status: 'errored', reason } : { ...judged, generated: generated ?? [] };
}

const DEFAULT_REASON: Record<Bad, Reason> = {
  failed: { code: 'failed', message: 'A command of the job ended with an error.' },
  errored: { code: 'errored', message: 'The job could not be carried out.' },
  lost: { code: 'runner-lost', message: 'The runner stopped answering while it held the job.' },
};

function settleJob(
  draft: RunDraft,
  jobKey: JobKey,
  { status, reason, image, outputs, generated }: Judged,
  exitCode: number | undefined,
): void {
  if (status === 'passed') {
    if (image) draft.emit({ type: 'image-recorded', image });
    // Before the end of the job, or the stage would have ended with it.
    if (generated) draft.emit({ type: 'jobs-generated', jobKey, jobs: generated });
    return draft.emit({ type: 'job-ended', jobKey, status: 'passed', ...(outputs && { outputs }) });
  }
  if (status === 'cancelled') {
    return draft.emit({ type: 'job-ended', jobKey, status: 'cancelled', ...(reason && { reason }) });
  }
  const planned = plannedJob(draft.state, jobKey);
  const why = reason ?? DEFAULT_REASON[status as Bad];
  const inTime = !isOverdue(draft.state, planned.stage, draft.ctx.now);
  if (inTime && mayRetry(planned, jobOf(draft.state, jobKey), status as Bad, exitCode))
    return retryJob(draft, planned, why);
  endJobBadly(
    draft,
    jobKey,
    status === 'failed' ? 'failed' : 'errored',
    status === 'lost' ? { code: 'runner-lost', message: why.message } : why,
  );
}

function begin(
  draft: RunDraft,
  { jobKey, attemptId, runner }: { jobKey: JobKey; attemptId: string; runner: string },
): void {
  if (draft.state.startedAt === undefined) draft.emit({ type: 'run-started' });
  draft.emit({ type: 'attempt-started', jobKey, attemptId, runner });
}

function plannedJob(state: RunState, key: JobKey): PlannedJob {
  const planned = state.plan.jobs.find((job) => job.key === key);
  if (!planned) throw new RangeError(`The plan of run ${state.runId} has no job "${key}".`);
  return planned;
}

function unknownAttempt({ jobKey, attemptId }: { jobKey: JobKey; attemptId: string }): RunDecision {
  return rejected('unknown-attempt', `The run has no attempt "${attemptId}" of the job "${jobKey}".`);
}
