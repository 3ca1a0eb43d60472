import { GitlabStatuses } from './gitlab-statuses.ts';
import { commitStatusesContract } from './testing/commit-statuses-contract.ts';

commitStatusesContract((http) => new GitlabStatuses(http), {
  queued: 'pending',
  running: 'running',
  passed: 'success',
  failed: 'failed',
  errored: 'failed',
  cancelled: 'canceled',
});
