import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { TestBrowser, until } from './open-browser.ts';

let browser: TestBrowser;
beforeAll(async () => {
  browser = await TestBrowser.open();
});
afterEach(() => browser.closePages());
afterAll(() => browser[Symbol.asyncDispose]());

it('shows services by team, counts as filters, and keeps filters in the address', async () => {
  const { page, troubles } = await browser.page('/board');
  await page.getByRole('link', { name: 'catalog', exact: true }).waitFor();
  expect(
    await page
      .getByRole('gridcell')
      .getByLabel(/^Test, running/)
      .count(),
  ).toBeGreaterThan(0);
  // Quiet services are folded until a filter looks for them.
  expect(await page.getByRole('link', { name: 'wishlist', exact: true }).count()).toBe(0);
  await page.getByLabel('Filter services').fill('wishlist');
  await page.getByRole('link', { name: 'wishlist', exact: true }).waitFor();
  expect(new URL(page.url()).searchParams.get('q')).toBe('wishlist');
  await page.getByLabel('Clear text').click();
  await page.getByRole('link', { name: /need approval/ }).click();
  await until(
    'only gated services',
    () => page.locator('.board-row').count(),
    (rows) => rows === 3,
  );
  await page.reload();
  await until(
    'the filter after a reload',
    () => page.locator('.board-row').count(),
    (rows) => rows === 3,
  );
  await page.getByLabel('Filter services').fill('no such thing');
  await page.getByText('No service matches').waitFor();
  expect(troubles).toEqual([]);
});

it.each([
  [1440, '11m 01s'],
  [1024, '11m 01s'],
  [390, '11m 01s'],
  [320, '11m'],
])('at %i a stage of eleven minutes shows %s, and never half a number', async (width, shown) => {
  const { latest } = browser.server.world.services.get('shipping') ?? {};
  const build = latest?.stages.find(({ stage }) => stage === 'build');
  if (build === undefined) throw new Error('The example has no run of shipping.');
  Object.assign(build, { startedAt: '2026-11-24T10:00:00Z', finishedAt: '2026-11-24T10:11:01Z' });
  const { page } = await browser.page('/board?q=shipping', { width });
  const units = page.getByLabel('Build, passed, 11m 01s').first().locator('.channel-duration > *');
  await units.first().waitFor();
  await page.evaluate(() => document.fonts.ready);
  const whole = await units.evaluateAll((all) =>
    all
      .filter((unit) => {
        const [inner, outer] = [unit.getBoundingClientRect(), unit.parentElement!.getBoundingClientRect()];
        // What does not fit stands in a second line, out of sight.
        return inner.top < outer.bottom;
      })
      .map((unit) => {
        const [inner, outer] = [unit.getBoundingClientRect(), unit.parentElement!.getBoundingClientRect()];
        return inner.right <= outer.right + 0.5 ? unit.textContent : `${unit.textContent} is cut`;
      }),
  );
  expect(whole.join(' ')).toBe(shown);
});

it('a change arrives in place; rows wait with moving while the pointer is in the grid', async () => {
  const { page } = await browser.page('/board');
  const { world } = browser.server;
  await page.getByRole('link', { name: 'gateway', exact: true }).waitFor();
  await page.getByText('Live', { exact: true }).waitFor();
  await page.getByRole('link', { name: 'gateway', exact: true }).hover();
  const orderOf = (): Promise<string[]> => page.locator('.board-row [data-column="0"]').allTextContents();
  const before = await orderOf();
  const placeOf = () => page.getByRole('link', { name: 'gateway', exact: true }).boundingBox();
  const place = await placeOf();
  const account = world.services.get('account');
  if (account === undefined || account.latest === null)
    throw new Error('The example has no account service with a run.');
  account.latest = {
    ...account.latest,
    number: 762,
    status: 'running',
    message: 'Changed under the pointer',
    createdAt: new Date().toISOString(),
  };
  browser.server.changed('board');
  await page.getByText('Changed under the pointer').waitFor();
  expect(await orderOf()).toEqual(before);
  const pill = page.getByRole('button', { name: /moved, sort/ });
  await pill.waitFor();
  expect(await placeOf()).toEqual(place);
  // The way to the button goes over the rows; they and the button wait for the click however slow the hand is.
  await pill.hover();
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
  expect(await orderOf()).toEqual(before);
  await pill.click();
  await until('the new order', orderOf, (order) => order.indexOf('account') < order.indexOf('login'));
  await pill.waitFor({ state: 'detached' });
});

it('one tab stop, arrows inside, Enter opens the run', async () => {
  const { page } = await browser.page('/board');
  await page.getByRole('link', { name: 'catalog', exact: true }).waitFor();
  expect(await page.locator('.board-grid [tabindex="0"]').count()).toBe(1);
  await page.locator('.board-grid [tabindex="0"]').focus();
  await page.keyboard.press('ArrowDown');
  const focused = (): Promise<string> => page.evaluate(() => document.activeElement?.textContent ?? '');
  await until('focus on the first service', focused, (text) => text === 'catalog');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Enter');
  await page.waitForURL('**/services/catalog/runs/1287');
});

it('says when the stream is gone, blocks what would change something, and comes back', async () => {
  const { page } = await browser.page('/services/catalog/runs/1287');
  await page.getByText('Live', { exact: true }).waitFor();
  browser.server.cutStreams(true);
  await page.getByText(/^As of .* reconnecting$/).waitFor();
  expect(await page.getByRole('button', { name: 'Cancel' }).isDisabled()).toBe(true);
  browser.server.cutStreams(false);
  await page.getByText('Live', { exact: true }).waitFor({ timeout: 30_000 });
  expect(await page.getByRole('button', { name: 'Cancel' }).isDisabled()).toBe(false);
});

it('goes anywhere by the palette', async () => {
  const { page } = await browser.page('/board');
  await page.getByRole('link', { name: 'catalog', exact: true }).waitFor();
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox', { name: 'Search or jump to' }).fill('shipp');
  await page.keyboard.press('Enter');
  await page.waitForURL('**/services/shipping');
  await page.getByRole('heading', { name: 'shipping' }).waitFor();
  expect(await page.getByRole('dialog').count()).toBe(0);
});

it('says of a service whose only run is of a pull request that no branch has run, and leads to that run', async () => {
  const service = browser.server.world.services.get('shipping')!;
  const { latest } = service;
  if (latest === null) throw new Error('The example has a run.');
  service.latest = null;
  service.pullRequestRun = {
    ...latest,
    pullRequest: { number: 17, title: 'Cents', source: 'cents', target: 'main', outside: false },
  };
  try {
    for (const width of [1440, 390]) {
      const { page, troubles } = await browser.page('/board?q=shipping', { width });
      await page.getByText('No run of a branch yet').waitFor();
      await page.getByRole('link', { name: 'pull request #17' }).click();
      await page.waitForURL(`**/services/shipping/runs/${latest.number}`);
      expect(troubles).toEqual([]);
    }
  } finally {
    service.latest = latest;
    delete service.pullRequestRun;
  }
});
