import type { z } from 'zod';
import { isHeld, STAGE_ORDER, type PullRequest, type RunState, type StageState } from '@sluice/engine';
import type { StageName } from '@sluice/pipeline-spec';
import type { runSummary, stageCell } from '@sluice/protocol';

export type RunSummary = z.infer<typeof runSummary>;
type StageCell = z.infer<typeof stageCell>;

/** The row of a run in lists and on the board, made from its state alone. */
export function summariseRun(state: RunState, names: { service: string; team: string }): RunSummary {
  return {
    id: state.runId,
    service: names.service,
    team: names.team,
    number: state.number,
    status: state.status,
    ref: state.ref,
    commit: state.commit,
    message: state.message,
    author: state.author,
    trust: state.trust,
    trigger: {
      kind: state.trigger.kind,
      by: state.trigger.by,
      ...(state.trigger.rerunOf === undefined ? {} : { rerunOf: state.trigger.rerunOf }),
      ...(state.trigger.schedule ? { schedule: state.trigger.schedule } : {}),
      ...(state.trigger.after
        ? { after: { service: state.trigger.after.service, environment: state.trigger.after.environment } }
        : {}),
    },
    ...(state.pullRequest ? { pullRequest: shownPullRequest(state.pullRequest) } : {}),
    stages: STAGE_ORDER.map((stage) => stageCellOf(state, stage)),
    createdAt: state.createdAt,
    startedAt: state.startedAt ?? null,
    finishedAt: state.finishedAt ?? null,
    reason: state.reason ?? null,
  };
}

/** Without the account's id, which is nobody's business outside of Sluice. */
function shownPullRequest({ account: _, ...shown }: PullRequest): Omit<PullRequest, 'account'> {
  return shown;
}

function stageCellOf(state: RunState, stage: StageName): StageCell {
  const cell: StageState = state.stages[stage];
  return {
    stage,
    status: cell.status,
    startedAt: cell.startedAt ?? null,
    finishedAt: cell.finishedAt ?? null,
    label: stageLabel(state, stage, cell),
    ...(cell.warning ? { warning: cell.warning.message } : {}),
  };
}

/** A few words where the duration does not say it all: what failed, what a person is asked for, or that nothing begins. */
function stageLabel(state: RunState, stage: StageName, cell: StageState): string | null {
  if (isHeld(state)) return stage === STAGE_ORDER.find((one) => state.stages[one].status === 'queued') ? 'Held' : null;
  if (stage === 'release') {
    if (cell.status === 'waiting') return 'Approve';
    const stopped = state.lanes.find((lane) => lane.status === 'rolled-back' || lane.status === 'failed');
    if (stopped?.status === 'rolled-back') return 'Rolled back';
    return stopped ? (stopped.reason?.code === 'rejected' ? 'Rejected' : stopped.environment) : null;
  }
  if (cell.status !== 'failed' && cell.status !== 'errored') return null;
  const bad = Object.values(state.jobs).filter(
    (job) =>
      job.key.startsWith(`${stage}/`) && (job.status === 'failed' || job.status === 'errored') && job.allowed !== true,
  );
  if (bad.length === 0) return cell.overdueAt === undefined ? null : 'Timed out';
  return bad.length === 1 ? bad[0]!.key.slice(stage.length + 1) : `${bad.length} jobs`;
}
