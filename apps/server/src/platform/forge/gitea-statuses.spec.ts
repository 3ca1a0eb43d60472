import { GiteaStatuses } from './gitea-statuses.ts';
import { commitStatusesContract } from './testing/commit-statuses-contract.ts';

commitStatusesContract((http) => new GiteaStatuses(http), {
  queued: 'pending',
  running: 'pending',
  passed: 'success',
  failed: 'failure',
  errored: 'error',
  cancelled: 'error',
});
