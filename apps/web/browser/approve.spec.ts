import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TestBrowser } from './open-browser.ts';

let browser: TestBrowser;
beforeEach(async () => {
  browser = await TestBrowser.open();
});
afterEach(async () => {
  await browser.closePages();
  await browser[Symbol.asyncDispose]();
});

function order() {
  const found = [...browser.server.world.approvals.values()].find(({ service }) => service === 'order');
  if (found === undefined) throw new Error('The example has no gate for order.');
  return found;
}

describe('approval', () => {
  it('on a desktop: from the inbox to the outcome, by keyboard', async () => {
    const { page, troubles } = await browser.page('/approvals');
    await page.getByRole('link', { name: /^order/ }).click();
    await page.getByRole('heading', { name: 'Release order #1523 to production' }).waitFor();
    await page.getByText('Wrote 3 of these commits', { exact: false }).waitFor();
    await page.keyboard.press('a');
    const dialog = page.getByRole('dialog', { name: 'Release order #1523 to production?' });
    await dialog.getByText('Yours is the last approval needed').waitFor();
    expect(order().given).toBe(1);
    await dialog.getByLabel('Note for the record (optional)').fill('Looked at staging');
    await dialog.getByRole('button', { name: 'Approve and release' }).click();
    await page.getByText('Approved by Hanna Lind; the release goes to production.').waitFor();
    expect(await page.getByRole('button', { name: /Approve and release/ }).count()).toBe(0);
    expect(order().approvers.find(({ name }) => name === 'Hanna Lind')).toMatchObject({
      state: 'approved',
      note: 'Looked at staging',
    });
    expect(troubles).toEqual([]);
  });

  it('on a phone: sticky bar, sheet, one button', async () => {
    const { page } = await browser.page(`/approvals/${order().deploymentId}`, { width: 390, height: 844 });
    const review = page.getByRole('button', { name: 'Review and approve' });
    await review.waitFor();
    const box = await review.boundingBox();
    expect(box?.height).toBeGreaterThanOrEqual(44);
    expect((box?.y ?? 0) + (box?.height ?? 0)).toBeLessThanOrEqual(844);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    await page.getByRole('button', { name: /6 commits/ }).click();
    await page.getByRole('dialog').getByText('Upgrade the SQS client').waitFor();
    await page.getByRole('dialog').getByRole('button', { name: 'Close' }).click();
    await review.click();
    await page.getByRole('dialog').getByRole('button', { name: 'Approve and release' }).click();
    await page.getByText('Approved by Hanna Lind; the release goes to production.').waitFor();
  });

  it('a release that changed while it was read is not approved, and has to be read again', async () => {
    const { page } = await browser.page(`/approvals/${order().deploymentId}`);
    await page.getByRole('button', { name: /Approve and release/ }).click();
    order().binding = 'another-plan';
    order().settingsChanges.push({ path: 'env.NEW_FLAG', from: null, to: 'on' });
    await page.getByRole('dialog').getByRole('button', { name: 'Approve and release' }).click();
    await page.getByText('The release changed while you were reading').waitFor();
    await page.getByText('env.NEW_FLAG').waitFor();
    expect(order().given).toBe(1);
    expect(await page.getByRole('button', { name: /Approve and release/ }).isDisabled()).toBe(true);
    await page.getByRole('button', { name: 'I have read it again' }).click();
    await page.getByRole('button', { name: /Approve and release/ }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Approve and release' }).click();
    await page.getByText('Approved by Hanna Lind').waitFor();
  });

  it('a binding read in the background while the dialog is open is not the one that is sent', async () => {
    const { page } = await browser.page(`/approvals/${order().deploymentId}`);
    await page.getByText('Live', { exact: true }).waitFor();
    await page.getByRole('button', { name: /Approve and release/ }).click();
    order().binding = 'another-plan';
    order().changes.commits[0] = { ...order().changes.commits[0]!, message: 'Slipped in' };
    browser.server.changed('approvals');
    await page.getByText('Slipped in').waitFor();
    await page.getByRole('dialog').getByRole('button', { name: 'Approve and release' }).click();
    await page.getByText('The release changed while you were reading').waitFor();
    expect(order().given).toBe(1);
  });

  it('reject needs a reason; somebody who may not decide reads why', async () => {
    const { page } = await browser.page(`/approvals/${order().deploymentId}`);
    await page.getByRole('button', { name: 'Reject' }).click();
    const reject = page.getByRole('dialog').getByRole('button', { name: 'Reject the release' });
    expect(await reject.isDisabled()).toBe(true);
    await page.getByRole('dialog').getByLabel('Reason').fill('The index locks the table');
    await reject.click();
    await page.getByText('Rejected by Hanna Lind: The index locks the table').waitFor();
    const search = [...browser.server.world.approvals.values()].find(({ service }) => service === 'search');
    if (search === undefined) throw new Error('The example has no gate for search.');
    search.me = { can: false, code: 'self', why: 'You wrote one of these commits.' };
    await page.goto(`${browser.server.url}/approvals/${search.deploymentId}`);
    await page.getByText('You wrote one of these commits.').first().waitFor();
    expect(await page.getByRole('button', { name: /^Approve/ }).isDisabled()).toBe(true);
  });
});
