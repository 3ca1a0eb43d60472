import { BitbucketStatuses } from './bitbucket-statuses.ts';
import { commitStatusesContract } from './testing/commit-statuses-contract.ts';

commitStatusesContract((http) => new BitbucketStatuses(http), {
  queued: 'INPROGRESS',
  running: 'INPROGRESS',
  passed: 'SUCCESSFUL',
  failed: 'FAILED',
  errored: 'FAILED',
  cancelled: 'STOPPED',
});
