import { GithubStatuses } from './github-statuses.ts';
import { commitStatusesContract } from './testing/commit-statuses-contract.ts';

commitStatusesContract((http) => new GithubStatuses(http), {
  queued: 'pending',
  running: 'pending',
  passed: 'success',
  failed: 'failure',
  errored: 'error',
  cancelled: 'error',
});
