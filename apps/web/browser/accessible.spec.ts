import { AxeBuilder } from '@axe-core/playwright';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { TestBrowser } from './open-browser.ts';

let browser: TestBrowser;
beforeAll(async () => {
  browser = await TestBrowser.open();
  // Who may do everything sees everything.
  browser.server.session.admin = true;
});
afterEach(() => browser.closePages());
afterAll(() => browser[Symbol.asyncDispose]());

const order = (): string =>
  [...browser.server.world.approvals.values()].find(({ service }) => service === 'order')?.deploymentId ?? '';
const screens: [name: string, path: () => string, ready: string, open?: string][] = [
  ['board', () => '/board', 'text=Cache category facets per locale'],
  ['service', () => '/services/order', 'text=Change number 1522 of order'],
  ['run with live log', () => '/services/catalog/runs/1287', '.log-line, .job-node'],
  ['run with hostile log', () => '/services/catalog/runs/1287?job=lint', '.log-line, .job-node'],
  ['tests', () => '/services/checkout-ui/runs/318?tab=tests', 'text=2 tests failed'],
  ['artifacts', () => '/services/catalog/runs/1287?tab=artifacts', 'text=screenshots'],
  ['events', () => '/services/catalog/runs/1287?tab=events', 'text=Run planned from'],
  ['approvals', () => '/approvals', 'text=asked by Mira Patel'],
  ['approval', () => `/approvals/${order()}`, 'text=Evidence'],
  [
    'approve dialog',
    () => `/approvals/${order()}`,
    'text=Evidence',
    'button:has-text("Approve and release"), button:has-text("Review and approve")',
  ],
  ['environments', () => '/environments', 'text=asks approval'],
  ['deployment', () => `/deployments/${order()}`, 'text=What the target did'],
  ['runners', () => '/runners', 'text=linux-x64-07'],
  ['your account', () => '/account', 'text=Where you are signed in'],
  ['people', () => '/people', 'text=mira@example.com'],
  ['identities dialog', () => '/people', 'text=mira@example.com', 'button:has-text("Identities of Mira Patel")'],
  ['new password', () => '/reset#token=x', 'text=Set a new password'],
  ['sign in', () => '/login', 'text=Password'],
  ['first run', () => '/welcome', 'text=Address of the repository'],
];

/** Colours don't depend on the width, so the phone is looked at in one theme. */
const looks = [
  { theme: 'light', width: 1440 },
  { theme: 'dark', width: 1440 },
  { theme: 'light', width: 390 },
] as const;

describe.each(looks)('$theme theme at $width', ({ theme, width }) => {
  it.each(screens)('%s has no finding and does not scroll sideways', async (_name, path, ready, open) => {
    const { page } = await browser.page(path(), { width, height: width === 390 ? 844 : 960, theme });
    await page.locator(ready).first().waitFor();
    await page.evaluate(() => document.fonts.ready);
    if (open !== undefined) {
      await page.locator(open).locator('visible=true').first().click();
      await page.getByRole('dialog').waitFor();
    }
    const { violations } = await new AxeBuilder({ page })
      .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'])
      .analyze();
    const findings = violations.flatMap(({ id, nodes }) =>
      nodes.slice(0, 3).map((node) => `${id}: ${node.target.join(' ')} ${node.failureSummary ?? ''}`),
    );
    expect(findings).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)).toBe(
      0,
    );
  });
});
