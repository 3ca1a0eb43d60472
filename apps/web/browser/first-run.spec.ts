import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestBrowser } from './open-browser.ts';

let browser: TestBrowser;
beforeAll(async () => {
  browser = await TestBrowser.open({ empty: true, signedIn: false });
});
afterAll(() => browser[Symbol.asyncDispose]());

it('an empty installation leads from the one-time link to the first delivery', async () => {
  const { page, troubles } = await browser.page('/board');
  await page.getByText('This installation has no account yet').waitFor();
  await page.goto(`${browser.server.url}/welcome?token=first-run`);
  await page.getByLabel('Name').fill('Ada');
  await page.getByLabel('E-mail').fill('ada@example.com');
  await page.getByLabel('Password').fill('a long enough one');
  await page.getByRole('button', { name: 'Create account' }).click();
  await page.getByLabel('Name of the team that owns it').fill('Shop Team');
  expect(page.url()).not.toContain('token');
  await page.getByLabel('Address of the repository').fill('https://github.com/example/shop.git');
  await page.getByRole('button', { name: 'Connect', exact: true }).click();
  expect(await page.getByLabel('Name of the service').inputValue()).toBe('shop');
  await page.getByRole('button', { name: 'Register' }).click();
  await page.getByText(`${browser.server.url}/hooks/5d2a9c`).waitFor();
  await page.getByRole('button', { name: 'Copy hook secret' }).waitFor();
  await page.getByText('Listening for the first delivery').waitFor();
  const [repository] = browser.server.world.repositories;
  if (repository === undefined) throw new Error('No repository was connected.');
  repository.lastDelivery = { at: new Date().toISOString(), outcome: '1 of 1 services: catalog #1', failed: false };
  await page.getByText(/^Last delivery at .*: 1 of 1 services: catalog #1$/).waitFor();
  await page.getByText('Listening: the run appears here').waitFor();
  // Coming back goes on where the server stands, without the secret.
  await page.reload();
  await page.getByText('was shown once, when it was made').waitFor();
  expect(troubles).toEqual([]);
});

it('sign-in goes on to the page that was asked for, never to another origin', async () => {
  browser.server.world.setupNeeded = false;
  browser.server.session.signedIn = false;
  // Pools that serve everyone are let to admins alone.
  browser.server.session.admin = true;
  const { page } = await browser.page('/runners');
  await page.waitForURL('**/login?next=*');
  await page.getByLabel('E-mail').fill('ada@example.com');
  await page.getByLabel('Password').fill('wrong');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByText('E-mail or password is wrong.').waitFor();
  await page.getByLabel('Password').fill('correct horse battery');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.waitForURL('**/runners');
  await page.getByRole('button', { name: 'Add the first runner' }).click();
  await page.getByRole('button', { name: 'Make a token' }).click();
  expect(await page.getByText(/SLUICE_REGISTRATION_TOKEN=/).textContent()).toMatch(
    /^SLUICE_URL=http:\/\/127\.0\.0\.1:\d+ SLUICE_REGISTRATION_TOKEN=slr_reg_\w+ node /,
  );
});
