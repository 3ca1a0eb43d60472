import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import type { Page } from 'playwright-core';
import { TestBrowser } from './open-browser.ts';

type Session = TestBrowser['server']['session'];
const WHO: Readonly<Record<string, Omit<Session, 'signedIn'>>> = {
  viewer: { role: 'viewer' },
  developer: { role: 'developer' },
  'release manager': {},
  admin: { admin: true },
};

let browser: TestBrowser;
beforeAll(async () => {
  browser = await TestBrowser.open();
  const { runs, kept } = browser.server.world;
  const [again, held] = [runs.get('checkout-ui/318')!, runs.get('cart/467')!];
  const now = new Date().toISOString();
  again.trigger = { ...again.trigger, kind: 'rerun' };
  kept.set(again.id, [
    {
      attemptId: again.jobs[0]!.attempts[0]!.id,
      job: 'verify',
      attempt: 1,
      runner: 'runner-1',
      since: now,
      until: new Date(Date.now() + 600_000).toISOString(),
      endedAt: null,
      ended: null,
      shells: [],
    },
  ]);
  held.waiting = {
    code: 'held',
    message: 'From a fork: somebody of the team looks first.',
    since: now,
    endsWhen: 'A developer lets it run.',
  };
});
beforeEach(() => {
  delete browser.server.session.admin;
  delete browser.server.session.role;
});
afterEach(() => browser.closePages());
afterAll(() => browser[Symbol.asyncDispose]());

/** Each screen with what it offers to change something, by the least of the four that may. */
const SCREENS: readonly {
  path: string;
  /** Is there for everyone as soon as the screen is. */
  shown: (page: Page) => Promise<unknown>;
  offers: Readonly<Record<string, readonly string[]>>;
}[] = [
  {
    path: '/services/checkout-ui/runs/318',
    shown: (page) => page.getByText(/is kept on runner-1/).waitFor(),
    offers: { 'Run again': from('developer'), 'Open a shell': from('developer'), 'End now': from('developer') },
  },
  {
    path: '/services/login/runs/1104',
    shown: (page) => page.getByRole('button', { name: 'Copy link' }).first().waitFor(),
    offers: { Cancel: from('developer') },
  },
  {
    path: '/services/cart/runs/467',
    shown: (page) => page.getByRole('region', { name: 'Held' }).waitFor(),
    offers: { 'Let it run': from('developer') },
  },
  {
    path: '/services/order',
    shown: async (page) => {
      await page.getByRole('heading', { name: 'Runs' }).waitFor();
      // Shows nothing of the limits to those who may not set them.
      await page.waitForFunction(() =>
        performance.getEntriesByType('resource').some(({ name }) => name.endsWith('/limits')),
      );
    },
    offers: { 'Run now': from('developer'), 'Set a limit': from('admin') },
  },
  {
    path: '/runners',
    shown: (page) => page.getByRole('region', { name: 'Limits' }).getByText('no limit').first().waitFor(),
    offers: { 'Add runner': from('admin'), 'Change the limit of orders': from('admin') },
  },
  {
    path: '/welcome',
    shown: async (page) => {
      await page.getByRole('heading', { name: '1. Connect a repository' }).waitFor();
      await page.getByRole('status', { name: 'Loading' }).waitFor({ state: 'detached' });
    },
    offers: { Connect: from('admin') },
  },
];

/** This one and all above. A function declaration, so that the table may stand before it. */
function from(least: string): readonly string[] {
  const all = Object.keys(WHO);
  return all.slice(all.indexOf(least));
}

/** What is to be there is waited for: an answer has come before the page shows it. */
async function isOffered(page: Page, name: string, isAllowed: boolean): Promise<boolean> {
  const button = page.getByRole('button', { name, exact: true }).first();
  if (isAllowed) await button.waitFor().catch(() => undefined);
  return (await button.count()) > 0;
}

it.each(Object.keys(WHO))('what is offered to a person of the role %s is what it allows', async (who) => {
  Object.assign(browser.server.session, WHO[who]);
  const offered: Record<string, boolean> = {};
  const allowed: Record<string, boolean> = {};
  for (const { path, shown, offers } of SCREENS) {
    const { page, troubles } = await browser.page(path);
    await shown(page);
    for (const [name, by] of Object.entries(offers)) {
      allowed[name] = by.includes(who);
      offered[name] = await isOffered(page, name, allowed[name]);
    }
    expect(troubles).toEqual([]);
  }
  expect(offered).toEqual(allowed);
});

it('a viewer cannot open the dialogs of a run by their keys either, and finds no way to add a service', async () => {
  browser.server.session.role = 'viewer';
  const { page } = await browser.page('/services/checkout-ui/runs/318');
  await page.getByText(/is kept on runner-1/).waitFor();
  await page.keyboard.press('Shift+R');
  await page.keyboard.press('Shift+?');
  await page.getByRole('dialog').waitFor();
  expect(await page.getByText('again?').count()).toBe(0);
  await page.goto(`${browser.server.url}/board`);
  await page.getByRole('heading', { name: 'Board' }).waitFor();
  expect(await page.getByRole('link', { name: 'Add service' }).count()).toBe(0);
  delete browser.server.session.role;
  await page.reload();
  await page.getByRole('link', { name: 'Add service' }).waitFor();
});
