import type { QueryClient } from '@tanstack/react-query';
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from '@tanstack/react-router';
import { queries } from './api/queries.ts';
import { AppFrame } from './frame/app-frame.tsx';
import { NotThere, ScreenFailed } from './frame/not-there.tsx';
import { choice, digits, flag, lineRange, text, type SearchInput } from './search-params.ts';
import { safeNext } from './identity/next-address.ts';

const rootRoute = createRootRouteWithContext<{ queryClient: QueryClient }>()({ component: Outlet });

/** Everything below asks for a session first; without one the reader signs in and comes back to the same address. */
const signedIn = createRoute({
  getParentRoute: () => rootRoute,
  id: 'signed-in',
  component: AppFrame,
  beforeLoad: async ({ context, location }) => {
    try {
      await context.queryClient.ensureQueryData(queries.me());
    } catch (error) {
      if (!isSignedOut(error)) throw error;
      const setup = await context.queryClient.fetchQuery(queries.setupState()).catch(() => ({ needed: false }));
      if (setup.needed) throw redirect({ to: '/welcome' });
      throw redirect({ to: '/login', search: { next: location.href } });
    }
  },
});
const home = createRoute({
  getParentRoute: () => rootRoute,
  path: '/',
  beforeLoad: () => {
    throw redirect({ to: '/board' });
  },
});
const login = createRoute({
  getParentRoute: () => rootRoute,
  path: '/login',
  validateSearch: (search: SearchInput) => ({ next: safeNext(text(search['next']), window.location.origin) }),
  component: lazyRouteComponent(() => import('./identity/sign-in-page.tsx'), 'SignInPage'),
});
const welcome = createRoute({
  getParentRoute: () => rootRoute,
  path: '/welcome',
  validateSearch: (search: SearchInput) => optional({ token: text(search['token']) }),
  component: lazyRouteComponent(() => import('./welcome/welcome-page.tsx'), 'WelcomePage'),
});
const board = createRoute({
  getParentRoute: () => signedIn,
  path: '/board',
  validateSearch: (search: SearchInput) =>
    optional({
      q: text(search['q']),
      team: text(search['team']),
      status: choice(search['status'], ['running', 'failing', 'approval', 'waiting', 'warning']),
    }),
  component: lazyRouteComponent(() => import('./board/board-page.tsx'), 'BoardPage'),
});
const service = createRoute({
  getParentRoute: () => signedIn,
  path: '/services/$service',
  component: lazyRouteComponent(() => import('./service/service-page.tsx'), 'ServicePage'),
});
const run = createRoute({
  getParentRoute: () => signedIn,
  path: '/services/$service/runs/$number',
  validateSearch: (search: SearchInput) =>
    optional({
      tab: choice(search['tab'], ['log', 'tests', 'artifacts', 'events']),
      stage: choice(search['stage'], ['commit', 'build', 'test', 'release']),
      job: text(search['job']),
      attempt: digits(search['attempt']),
      step: digits(search['step']),
      lines: lineRange(search['lines']),
      q: text(search['q']),
    }),
  component: lazyRouteComponent(() => import('./run/run-page.tsx'), 'RunPage'),
});
const approvals = createRoute({
  getParentRoute: () => signedIn,
  path: '/approvals',
  validateSearch: (search: SearchInput) => optional({ for: choice(search['for'], ['me', 'all', 'decided']) }),
  component: lazyRouteComponent(() => import('./approvals/inbox-page.tsx'), 'InboxPage'),
});
const approval = createRoute({
  getParentRoute: () => signedIn,
  path: '/approvals/$id',
  component: lazyRouteComponent(() => import('./approvals/approval-page.tsx'), 'ApprovalPage'),
});
const environments = createRoute({
  getParentRoute: () => signedIn,
  path: '/environments',
  validateSearch: (search: SearchInput) =>
    optional({ team: text(search['team']), diff: flag(search['diff']), q: text(search['q']) }),
  component: lazyRouteComponent(() => import('./environments/environments-page.tsx'), 'EnvironmentsPage'),
});
const deployment = createRoute({
  getParentRoute: () => signedIn,
  path: '/deployments/$id',
  component: lazyRouteComponent(() => import('./deployments/deployment-page.tsx'), 'DeploymentPage'),
});
const runners = createRoute({
  getParentRoute: () => signedIn,
  path: '/runners',
  component: lazyRouteComponent(() => import('./runners/runners-page.tsx'), 'RunnersPage'),
});
const account = createRoute({
  getParentRoute: () => signedIn,
  path: '/account',
  component: lazyRouteComponent(() => import('./account/account-page.tsx'), 'AccountPage'),
});
const people = createRoute({
  getParentRoute: () => signedIn,
  path: '/people',
  component: lazyRouteComponent(() => import('./people/people-page.tsx'), 'PeoplePage'),
});
const reset = createRoute({
  getParentRoute: () => rootRoute,
  path: '/reset',
  component: lazyRouteComponent(() => import('./account/reset-page.tsx'), 'ResetPage'),
});

const routeTree = rootRoute.addChildren([
  home,
  login,
  welcome,
  reset,
  signedIn.addChildren([board, service, run, approvals, approval, environments, deployment, runners, account, people]),
]);

// The result type is inferred from the tree: naming it would repeat every route.
export function createAppRouter(queryClient: QueryClient) {
  return createRouter({
    routeTree,
    context: { queryClient },
    defaultPreload: 'intent',
    defaultPreloadDelay: 40,
    scrollRestoration: true,
    scrollToTopSelectors: ['#main'],
    defaultNotFoundComponent: () => (
      <NotThere title="This page does not exist, or you may not see it." parent={{ to: '/board', word: 'the board' }} />
    ),
    defaultErrorComponent: ScreenFailed,
  });
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof createAppRouter>;
  }
}

function isSignedOut(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'status' in error && error.status === 401;
}

/** Leaves out what isn't there, so that addresses hold only what was chosen. */
function optional<T extends object>(search: T): { [K in keyof T]?: T[K] | undefined } {
  return Object.fromEntries(Object.entries(search).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: T[K] | undefined;
  };
}
