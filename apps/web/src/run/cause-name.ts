import type { Waiting } from '../api/shapes.ts';

const names: Record<Waiting['code'], string> = {
  held: 'Held: from a fork',
  'earlier-stage': 'Stage before',
  'needs-job': 'Needs a job',
  'retry-pause': 'Pause before a retry',
  'no-pool': 'No pool fits',
  'no-runner': 'No runner connected',
  'no-host-runner': 'No runner offers its host',
  group: 'Concurrency group',
  'service-limit': 'Limit of the service',
  'team-limit': 'Limit of the team',
  'fair-share': "Other teams' turn",
  'runner-busy': 'Runners busy',
  starting: 'Starting',
  cancelling: 'Cancelling',
  release: 'Release under way',
  'earlier-environment': 'Environment before',
  approval: 'Approval',
  'behind-deployment': 'Deployment ahead',
  'earlier-release': 'Release ahead',
  target: 'Target',
};

/** A newer server may know more causes than this page. */
export function causeName(code: Waiting['code']): string {
  return names[code] ?? code;
}
