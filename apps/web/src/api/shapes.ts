import type { api } from './contract-client.ts';

/** Answers of the API as the screens read them, taken from the contract. */
export type Me = Awaited<ReturnType<typeof api.identity.me>>;
export type Board = Awaited<ReturnType<typeof api.runs.board>>;
export type BoardService = Board['services'][number];
export type LaneSummary = BoardService['lanes'][number];
export type RunSummary = NonNullable<BoardService['latest']>;
export type StageCellData = RunSummary['stages'][number];
export type StageName = StageCellData['stage'];
export type RunDetail = Awaited<ReturnType<typeof api.runs.getRun>>;
export type JobDetail = RunDetail['jobs'][number];
export type AttemptDetail = JobDetail['attempts'][number];
export type StepDetail = AttemptDetail['steps'][number];
export type RunLane = RunDetail['lanes'][number];
export type Waiting = NonNullable<RunDetail['waiting']>;
export type ServiceDetail = Awaited<ReturnType<typeof api.runs.getService>>;
export type TestCase = Awaited<ReturnType<typeof api.runs.getRunTests>>[number];
export type ApprovalItem = Awaited<ReturnType<typeof api.lanes.listApprovals>>[number];
export type ApprovalDetail = Awaited<ReturnType<typeof api.lanes.getApproval>>;
export type ReleaseRef = ApprovalItem['to'];
export type DeploymentDetail = Awaited<ReturnType<typeof api.lanes.getDeployment>>;
export type Runner = Awaited<ReturnType<typeof api.catalog.listRunners>>[number];
export type Pool = Awaited<ReturnType<typeof api.catalog.listPools>>[number];
export type Repository = Awaited<ReturnType<typeof api.catalog.listRepositories>>[number];
export type Person = Awaited<ReturnType<typeof api.identity.listUsers>>[number];
export type TestReport = Awaited<ReturnType<typeof api.reports.listReports>>[number];
export type Artifact = Awaited<ReturnType<typeof api.artifacts.listArtifacts>>[number];
export type CacheUse = Awaited<ReturnType<typeof api.artifacts.listCacheUses>>[number];
