export * from './statuses.ts';
export * from './plan.ts';
export * from './run.ts';
export * from './lane.ts';
export * from './pick.ts';
export { STAGE_ORDER, changedPatterns, jobKey, plan, planGenerated } from './plan-run.ts';
export { artifactSource } from './artifact-source.ts';
export type { ArtifactSource } from './artifact-source.ts';
export { cacheKey } from './cache-key.ts';
export type { CacheKey } from './cache-key.ts';
export { cacheScopes } from './cache-scope.ts';
export type { CacheOrigin, CacheScopes } from './cache-scope.ts';
export { needsHost } from './job-readiness.ts';
export { conditionFacts, groupOf, outputVariables } from './condition-facts.ts';
export { generatesTo, jobsOfStage, roomForJobs } from './generate-jobs.ts';
export { nextWakeAt } from './next-wake.ts';
export { planRerun } from './plan-rerun.ts';
export type { RerunPlan } from './plan-rerun.ts';
export { MAX_OUTPUT_BYTES } from './judge-outputs.ts';
export { decideRun } from './decide-run.ts';
export { BrokenHistoryError, evolveRun, foldRun } from './evolve-run.ts';
export type { RunDecision } from './run-draft.ts';
export { isHeld, jobStageStatus, releaseStatus, runStatus, stageStatus } from './run-status.ts';
export type { StageFacts } from './run-status.ts';
export { decideLane } from './decide-lane.ts';
export { evolveLane, foldLane } from './evolve-lane.ts';
export type { LaneDecision } from './lane-draft.ts';
export { isGateOpen, waitingInOrder } from './advance-lane.ts';
export { approvalsNeeded, moreApprovals, unlinkedHands } from './approvals-needed.ts';
export { approverStanding } from './approver-standing.ts';
export type { ApproverStanding } from './approver-standing.ts';
export { LIFT_AFTER_MS, pick } from './pick-attempts.ts';
export type { Contention } from './pick-attempts.ts';
export { groupStandings, runGroup } from './run-group.ts';
export type { GroupMember, GroupStanding, RunGroup } from './run-group.ts';
export { PRIORITIES, priorityOfRank, priorityRank, runPriority } from './run-priority.ts';
export type { Priority } from './run-priority.ts';
export { choosePool } from './choose-pool.ts';
export type { PoolOffer, PoolRequirement } from './choose-pool.ts';
export * from './lease.ts';
export * from './transitions.ts';
export { waitingCause } from './waiting-cause.ts';
export { WAITING_CODES } from './waiting.ts';
export type { QueuedAttempt, Waiting, WaitingCause } from './waiting.ts';
export {
  NewerVersionError,
  UnreadableRecordError,
  readLaneEvent,
  readLaneState,
  readPlan,
  readRunEvent,
  readRunState,
} from './read-stored.ts';
