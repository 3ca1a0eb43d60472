/** What the pages of a released run are found by. */
export interface Found {
  readonly service: string;
  readonly run: number;
  readonly deployment: string;
}

export interface PageToOpen {
  /** As `apps/web/src/router.tsx` writes it. */
  readonly route: string;
  readonly address: (found: Found) => string;
  /** Text that stands there only once all of the page was read. */
  readonly shows: (found: Found) => string | RegExp;
}

const fixed = (route: string, shows: string | RegExp, address = route): PageToOpen => ({
  route,
  address: () => address,
  shows: () => shows,
});
const ofRun = (search: string, shows: string | RegExp): PageToOpen => ({
  route: '/services/$service/runs/$number',
  address: ({ service, run }) => `/services/${service}/runs/${run}?${search}`,
  shows: () => shows,
});

/** Every page of the app in the eyes of an admin, with what an installation has after one release. */
export const PAGES: readonly PageToOpen[] = [
  fixed('/', 'Grouped by team'),
  fixed('/board', 'Grouped by team'),
  {
    route: '/services/$service',
    address: ({ service }) => `/services/${service}`,
    shows: () => 'Running jobs of the service',
  },
  ofRun('job=commit/slow', 'tick 12 of 12'),
  ofRun('tab=tests', 'No job of this run reported tests'),
  ofRun('tab=artifacts', 'No job of this run left an artifact'),
  ofRun('tab=events', 'Stage commit started'),
  fixed('/approvals', 'Nothing waits for you'),
  fixed('/approvals', /asked by/, '/approvals?for=decided'),
  {
    route: '/approvals/$id',
    address: ({ deployment }) => `/approvals/${deployment}`,
    shows: ({ service, run }) => `Release ${service} #${run} to production`,
  },
  {
    route: '/deployments/$id',
    address: ({ deployment }) => `/deployments/${deployment}`,
    shows: () => 'What the target did',
  },
  fixed('/environments', 'in step'),
  fixed('/runners', 'running now'),
  fixed('/account', 'programs'),
  fixed('/people', /sweep/i),
  // With a repository its hook, without one the form for the first.
  fixed('/welcome', /Address of the repository|was shown once/),
  fixed('/login', 'Password'),
  fixed('/reset', 'Set a new password', '/reset#token=x'),
];
