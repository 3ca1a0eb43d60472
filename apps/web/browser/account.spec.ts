import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { TestBrowser } from './open-browser.ts';

let browser: TestBrowser;
beforeAll(async () => {
  browser = await TestBrowser.open();
});
afterEach(() => browser.closePages());
afterAll(() => browser[Symbol.asyncDispose]());

it('a person changes the password, ends sessions and revokes a token', async () => {
  const { page, troubles } = await browser.page('/account');
  await page.getByText('Safari/620.1').waitFor();
  await page.getByRole('button', { name: 'End the session from 198.51.100.4' }).click();
  await page.getByText('Safari/620.1').waitFor({ state: 'detached' });
  await page.getByLabel('Current password').fill('wrong');
  await page.getByLabel('New password').fill('a quite different one');
  await page.getByRole('button', { name: 'Change password' }).click();
  await page.getByText('this is not your password').waitFor();
  await page.getByLabel('Current password').fill('correct horse battery');
  await page.getByRole('button', { name: 'Change password' }).click();
  await page.getByText('Changed. Your other sessions have ended.').waitFor();
  await page.getByText('Unknown browser').waitFor({ state: 'detached' });
  expect(await page.getByLabel('New password').inputValue()).toBe('');
  await page.getByText('never used').waitFor();
  await page.getByRole('button', { name: 'Revoke deploy dashboard' }).click();
  await page.getByRole('button', { name: 'Revoke token' }).click();
  await page.getByText('deploy dashboard', { exact: true }).first().waitFor({ state: 'detached' });
  expect(troubles.filter((trouble) => !trouble.includes('403'))).toEqual([]);
});

it('an admin disables a person, hears of approvals that stay, and makes a password link', async () => {
  const { page, troubles } = await browser.page('/people');
  await page.getByRole('button', { name: 'Disable Mira Patel' }).click();
  await page.getByRole('button', { name: 'Disable', exact: true }).click();
  await page.getByText('2 approvals of Mira Patel').waitFor();
  await page.getByRole('button', { name: 'Understood' }).click();
  await page.getByRole('button', { name: 'Enable Mira Patel' }).waitFor();
  await page.getByRole('button', { name: 'Password link for Sara Rossi' }).click();
  await page.getByRole('button', { name: 'Make the link' }).click();
  await page.getByText(`${browser.server.url}/reset#token=slp_9fWb31xTzD`).waitFor();
  expect(troubles).toEqual([]);
});

it('an admin links the login of a forge to a person, unlinks it, and hears whose it is already', async () => {
  const { page, troubles } = await browser.page('/people');
  const person = page.getByRole('listitem').filter({ hasText: 'Sara Rossi' });
  await person.getByText('linked to no login of a forge').waitFor();
  const open = () => person.getByRole('button', { name: 'Identities of Sara Rossi' }).click();
  const dialog = page.getByRole('dialog');
  await open();
  await dialog.getByRole('textbox', { name: 'Login at a forge' }).fill('sara-r');
  await dialog.getByRole('button', { name: 'Add' }).click();
  await dialog.getByRole('textbox', { name: 'Login at a forge' }).fill('eve');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.getByText('The login eve belongs to another person.').waitFor();
  await dialog.getByRole('textbox', { name: 'Login at a forge' }).fill('');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await person.getByText('linked to login sara-r').waitFor();
  await open();
  await dialog.getByRole('button', { name: 'Unlink sara-r' }).click();
  await dialog.getByRole('button', { name: 'Save' }).click();
  await person.getByText('linked to no login of a forge').waitFor();
  expect(troubles.filter((trouble) => !trouble.includes('409'))).toEqual([]);
});

it('a one-time link sets a password, and says so when it is not valid any more', async () => {
  const { page } = await browser.page('/reset#token=slp_used');
  await page.getByLabel('New password').fill('a quite different one');
  await page.getByRole('button', { name: 'Set password' }).click();
  await page.getByText('This link is not valid any more').waitFor();
  await page.goto('about:blank');
  await page.goto(`${browser.server.url}/reset#token=slp_9fWb31xTzD`);
  await page.getByLabel('New password').fill('a quite different one');
  await page.getByRole('button', { name: 'Set password' }).click();
  await page.getByText('Your password is set.').waitFor();
  expect(page.url()).not.toContain('token');
});

it('a report that was not kept stands above the tests, with the reason', async () => {
  const { page, troubles } = await browser.page('/services/checkout-ui/runs/318?tab=tests');
  await page.getByText('hold more than 100000 test cases').waitFor();
  expect(troubles).toEqual([]);
});
