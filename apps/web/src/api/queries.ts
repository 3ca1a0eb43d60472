import { queryOptions, infiniteQueryOptions } from '@tanstack/react-query';
import { api, rememberCsrfToken } from './contract-client.ts';
import { isRefusal } from './problem.ts';

/** The whole page waits for these: a request that was dropped on its way must not be the end of it. */
const untilDecided = (failures: number, error: Error) => failures < 3 && !isRefusal(error);

/** One place that names what is cached and under which key; live topics are matched to keys in live/live-keys.ts. */
export const queries = {
  me: () =>
    queryOptions({
      queryKey: ['me'],
      queryFn: async () => {
        const me = await api.identity.me();
        rememberCsrfToken(me.csrfToken);
        return me;
      },
      staleTime: Infinity,
      retry: untilDecided,
    }),
  setupState: () =>
    queryOptions({ queryKey: ['setup'], queryFn: () => api.identity.setupState(), retry: untilDecided }),
  board: () => queryOptions({ queryKey: ['board'], queryFn: () => api.runs.board({}) }),
  service: (service: string) =>
    queryOptions({ queryKey: ['service', service], queryFn: () => api.runs.getService({ service }) }),
  runs: (service: string) =>
    infiniteQueryOptions({
      queryKey: ['runs', service],
      queryFn: ({ pageParam }) =>
        api.runs.listRuns({ service, limit: 50, ...(pageParam === null ? {} : { cursor: pageParam }) }),
      initialPageParam: null as string | null,
      getNextPageParam: (last) => last.next,
    }),
  /** The usual duration of a stage is the median of these; runs that passed change it slowly. */
  recentRuns: (service: string) =>
    queryOptions({
      queryKey: ['recent-runs', service],
      queryFn: async () => (await api.runs.listRuns({ service, limit: 20 })).items,
      staleTime: 10 * 60_000,
    }),
  run: (service: string, number: number) =>
    queryOptions({ queryKey: ['run', service, number], queryFn: () => api.runs.getRun({ service, number }) }),
  runEvents: (runId: string) =>
    queryOptions({ queryKey: ['run-events', runId], queryFn: () => api.runs.getRunEvents({ runId }) }),
  runTests: (runId: string) =>
    queryOptions({ queryKey: ['run-tests', runId], queryFn: () => api.runs.getRunTests({ runId }) }),
  approvals: (show: 'me' | 'all' | 'decided') =>
    queryOptions({ queryKey: ['approvals', show], queryFn: () => api.lanes.listApprovals({ show }) }),
  approval: (deploymentId: string) =>
    queryOptions({ queryKey: ['approval', deploymentId], queryFn: () => api.lanes.getApproval({ deploymentId }) }),
  deployment: (deploymentId: string) =>
    queryOptions({ queryKey: ['deployment', deploymentId], queryFn: () => api.lanes.getDeployment({ deploymentId }) }),
  runReports: (runId: string) =>
    queryOptions({ queryKey: ['run-reports', runId], queryFn: () => api.reports.listReports({ runId }) }),
  runArtifacts: (runId: string) =>
    queryOptions({ queryKey: ['run-artifacts', runId], queryFn: () => api.artifacts.listArtifacts({ runId }) }),
  runCaches: (runId: string) =>
    queryOptions({ queryKey: ['run-caches', runId], queryFn: () => api.artifacts.listCacheUses({ runId }) }),
  runDebug: (runId: string) =>
    queryOptions({ queryKey: ['run-debug', runId], queryFn: () => api.debug.getDebug({ runId }) }),
  testHistory: (service: string, suite: string, name: string) =>
    queryOptions({
      queryKey: ['test-history', service, suite, name],
      queryFn: () => api.reports.getTestHistory({ service, suite, name }),
    }),
  sessions: () => queryOptions({ queryKey: ['sessions'], queryFn: () => api.identity.listSessions() }),
  tokens: () => queryOptions({ queryKey: ['tokens'], queryFn: () => api.identity.listTokens() }),
  people: () => queryOptions({ queryKey: ['people'], queryFn: () => api.identity.listUsers() }),
  retention: () => queryOptions({ queryKey: ['retention'], queryFn: () => api.retention.getRetention() }),
  pools: () => queryOptions({ queryKey: ['pools'], queryFn: () => api.catalog.listPools() }),
  runners: () => queryOptions({ queryKey: ['runners'], queryFn: () => api.catalog.listRunners() }),
  limits: (team: string) =>
    queryOptions({ queryKey: ['limits', team], queryFn: () => api.catalog.getLimits({ team }) }),
  queue: () => queryOptions({ queryKey: ['queue'], queryFn: () => api.runs.listQueue() }),
  teams: () => queryOptions({ queryKey: ['teams'], queryFn: () => api.catalog.listTeams() }),
  repositories: (team: string) =>
    queryOptions({ queryKey: ['repositories', team], queryFn: () => api.catalog.listRepositories({ team }) }),
};
