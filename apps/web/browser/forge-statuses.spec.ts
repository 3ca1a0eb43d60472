import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { TestBrowser } from './open-browser.ts';

const KEY = '-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----';

let browser: TestBrowser;
beforeAll(async () => {
  browser = await TestBrowser.open();
});
beforeEach(() => {
  browser.server.session.admin = true;
});
afterEach(() => browser.closePages());
afterAll(() => browser[Symbol.asyncDispose]());

it.each([390, 1440])(
  'at %i px an admin has runs shown as checks of an App; its key is typed anew each time',
  async (width) => {
    const { page, troubles } = await browser.page('/services/order', { width, height: 844 });
    const reports = page.getByRole('button', { name: /^(?:Report runs|Change)$/ });
    const forge = page.getByLabel('Forge', { exact: true });
    const key = page.getByLabel('Private key of the App');
    await reports.click();
    await page.getByLabel('Token that may write commit statuses').waitFor();
    await forge.selectOption('GitHub: checks of an App');
    await page.getByText('becomes a check of its commit').waitFor();
    await page.getByLabel('Id or client id of the App').fill('Iv23liExample');
    await key.fill('not a key');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('from BEGIN to END').waitFor();
    await key.fill(KEY);
    expect(await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)).toBeLessThanOrEqual(0);
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Runs are reported to GitHub as checks of the App Iv23liExample').waitFor();
    await reports.click();
    expect(await forge.inputValue()).toBe('github-app');
    expect(await page.getByLabel('Id or client id of the App').inputValue()).toBe('Iv23liExample');
    expect(await key.inputValue()).toBe('');
    await forge.selectOption('None: report to nobody');
    expect(await key.count()).toBe(0);
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Runs are reported to no forge.').waitFor();
    expect(troubles.filter((trouble) => !trouble.includes('422'))).toEqual([]);
  },
);
