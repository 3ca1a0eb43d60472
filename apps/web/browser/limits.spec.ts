import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { TestBrowser } from './open-browser.ts';

let browser: TestBrowser;
beforeAll(async () => {
  browser = await TestBrowser.open();
});
beforeEach(() => {
  browser.server.session.admin = true;
});
afterEach(() => browser.closePages());
afterAll(() => browser[Symbol.asyncDispose]());

it('a system admin limits a team beside the queue and lifts the limit again; others are told who does', async () => {
  const { page, troubles } = await browser.page('/runners');
  const limits = page.getByRole('region', { name: 'Limits' });
  const change = page.getByRole('button', { name: 'Change the limit of orders' });
  const row = limits.getByRole('listitem').filter({ has: change });
  await row.getByText('no limit').waitFor();
  await change.click();
  await page.getByLabel('Running jobs at most').fill('4');
  await page.getByRole('button', { name: 'Save the limit' }).click();
  await row.getByText('at most 4 jobs at once').waitFor();
  await change.click();
  await page.getByLabel('Running jobs at most').fill('');
  await page.getByRole('button', { name: 'Save the limit' }).click();
  await row.getByText('no limit').waitFor();
  browser.server.session.admin = false;
  await page.reload();
  await limits.getByText('System admins set the limit of a team').waitFor();
  expect(await change.count()).toBe(0);
  expect(troubles).toEqual([]);
});

it('an admin of the team limits a service on its page, where others only read it', async () => {
  const { page, troubles } = await browser.page('/services/order');
  await page.getByRole('button', { name: 'Set a limit' }).click();
  await page.getByLabel('Running jobs at most').fill('1');
  await page.getByRole('button', { name: 'Save the limit' }).click();
  await page.getByText('at most 1 job at once').waitFor();
  browser.server.session.admin = false;
  await page.reload();
  await page.getByText('at most 1 job at once').waitFor();
  expect(await page.getByRole('button', { name: 'Change the limit' }).count()).toBe(0);
  expect(troubles).toEqual([]);
});
