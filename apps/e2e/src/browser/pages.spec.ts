import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { PAGES } from './pages.ts';

const router = readFileSync(new URL('../../../web/src/router.tsx', import.meta.url), 'utf8');

it('the walk through the pages opens each page of the router, and each tab of a run', () => {
  const routes = [...router.matchAll(/^ {2}path: '([^']+)'/gm)].map(([, path = '']) => path);
  expect(routes).toContain('/board');
  expect([...new Set(PAGES.map(({ route }) => route))].toSorted()).toEqual(routes.toSorted());
  const [, tabs = ''] = /tab: choice\(search\['tab'\], \[([^\]]+)\]/.exec(router) ?? [];
  const walked = PAGES.map(({ address }) => address({ service: 's', run: 1, deployment: 'd' }));
  // The log is the tab of a run whose address names none.
  for (const [, tab] of tabs.matchAll(/'(\w+)'/g))
    expect(walked).toContain(`/services/s/runs/1?${tab === 'log' ? 'job=commit/slow' : `tab=${tab}`}`);
});
