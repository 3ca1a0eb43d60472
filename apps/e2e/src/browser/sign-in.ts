import { eventually } from '@sluice/testing';
import type { Page } from 'playwright-core';

const TIMEOUT_MS = 30_000;

/** Whoever is not signed in is sent to the sign-in page and back. */
export async function signIn(page: Page, { email, password }: { email: string; password: string }): Promise<void> {
  await open(page, '/board');
  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('grid', { name: 'Services' }).waitFor();
}

/** A network that comes or goes on this machine cuts what the browser loads: it is loaded again. */
export async function open(page: Page, path: string): Promise<void> {
  await eventually(() => page.goto(path).then(() => true), {
    timeoutMs: TIMEOUT_MS,
    describe: `${path} to open`,
    giveUpOn: (error) => !String(error).includes('ERR_NETWORK_CHANGED'),
  });
}
