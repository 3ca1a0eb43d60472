import { isTerminal } from './statuses.ts';
import type { AttemptStatus } from './statuses.ts';
import type { BuiltImage, JobState, Reason, RunCommand, RunState } from './run.ts';
import type { JobKey, PlannedJob } from './plan.ts';
import { draftRun, ignored, rejected } from './run-draft.ts';
import type { RunDecision, RunDraft } from './run-draft.ts';
import { advanceRun, queueAttempt } from './advance-run.ts';
import { jobOf } from './end-stage.ts';
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
  const result = state.cancelRequested ? cancelled() : judge(command, plannedJob(state, jobKey));
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
  settleJob(draft, jobKey, result);
  advanceRun(draft);
  return draft.accepted();
}

interface Judged {
  readonly status: AttemptStatus;
  readonly reason?: Reason;
  readonly image?: BuiltImage;
}

/** After a cancel has been acknowledged, every outcome counts as cancelled, a late success too (F60, F62). */
function cancelled(): Judged {
  return { status: 'cancelled', reason: { code: 'run-cancelled', message: 'The run was cancelled.' } };
}

function judge({ outcome, reason, image }: Ended, planned: PlannedJob): Judged {
  switch (outcome) {
    case 'passed':
      if (planned.work.kind !== 'image') return { status: 'passed' };
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

const DEFAULT_REASON: Record<Bad, Reason> = {
  failed: { code: 'failed', message: 'A command of the job ended with an error.' },
  errored: { code: 'errored', message: 'The job could not be carried out.' },
  lost: { code: 'runner-lost', message: 'The runner stopped answering while it held the job.' },
};

function settleJob(draft: RunDraft, jobKey: JobKey, { status, reason, image }: Judged): void {
  if (status === 'passed') {
    if (image) draft.emit({ type: 'image-recorded', image });
    return draft.emit({ type: 'job-ended', jobKey, status: 'passed' });
  }
  if (status === 'cancelled') {
    return draft.emit({ type: 'job-ended', jobKey, status: 'cancelled', ...(reason && { reason }) });
  }
  if (mayRetry(plannedJob(draft.state, jobKey), jobOf(draft.state, jobKey), status as Bad))
    return queueAttempt(draft, jobKey);
  draft.emit({
    type: 'job-ended',
    jobKey,
    status: status === 'failed' ? 'failed' : 'errored',
    reason:
      status === 'lost'
        ? { code: 'runner-lost', message: reason?.message ?? DEFAULT_REASON.lost.message }
        : (reason ?? DEFAULT_REASON[status as Bad]),
  });
}

function mayRetry({ retry }: PlannedJob, job: JobState, status: Bad): boolean {
  return retry.on.includes(status) && job.attempts.length <= retry.times;
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
