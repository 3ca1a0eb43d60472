import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { TestBrowser, until } from './open-browser.ts';

let browser: TestBrowser;
beforeAll(async () => {
  browser = await TestBrowser.open();
});
afterEach(() => browser.closePages());
afterAll(() => browser[Symbol.asyncDispose]());

function integration(): { id: string } {
  const attempt = browser.server.world.runs.get('catalog/1287')?.jobs.find((job) => job.key === 'integration')
    ?.attempts[0];
  if (attempt === undefined) throw new Error('The example has no integration attempt.');
  return attempt;
}

it('follows a growing log without losing or doubling a line over a cut stream', async () => {
  const { page, troubles } = await browser.page('/services/catalog/runs/1287');
  await page.getByText('Live', { exact: true }).waitFor();
  const lines = (): Promise<string[]> =>
    page.locator('.log-line').evaluateAll((nodes) => nodes.map((node) => node.textContent ?? ''));
  browser.server.appendLog(integration().id, 'grown 1\ngrown 2 with');
  await until('the half line', lines, (all) => all.at(-1)?.endsWith('grown 2 with') === true);
  browser.server.cutStreams(true);
  browser.server.appendLog(integration().id, 'out newline\ngrown 3\n');
  browser.server.cutStreams(false);
  browser.server.appendLog(integration().id, 'grown 4\n');
  const all = await until('the lines after the cut', lines, (seen) => seen.at(-1)?.endsWith('grown 4') === true);
  const grown = all.filter((text) => text.includes('grown')).map((text) => text.replace(/^\d+/, ''));
  expect(grown).toEqual(['grown 1', 'grown 2 without newline', 'grown 3', 'grown 4']);
  expect(troubles).toEqual([]);
});

it('stops following when the reader scrolls up, and goes back to the end on request', async () => {
  const { page } = await browser.page('/services/catalog/runs/1287');
  await page.getByRole('button', { name: 'Following' }).waitFor();
  await page.locator('.log-line').first().waitFor();
  await page.locator('.log').hover();
  await page.mouse.wheel(0, -2000);
  await page.getByRole('button', { name: 'Follow', exact: true }).waitFor();
  browser.server.appendLog(integration().id, 'while reading\n');
  await page.getByRole('button', { name: /new line, jump to end/ }).click();
  await page.getByText('while reading').waitFor();
  expect(await page.getByRole('button', { name: 'Following' }).count()).toBe(1);
});

it('draws few nodes, searches what is loaded and links to lines', async () => {
  const { page } = await browser.page('/services/catalog/runs/1287');
  await page.getByLabel('Search the log').fill('evicts the cache');
  await page.getByText('no hit').waitFor({ state: 'detached' });
  await page.getByLabel('Search the log').press('Enter');
  await page.getByText(/^1 of 2$/).waitFor();
  await until(
    'the current hit',
    () => page.locator('.log-hit-now').count(),
    (hits) => hits > 0,
  );
  expect(await page.locator('.log-line').count()).toBeLessThan(90);
  const number = await page.locator('.log-line:has(.log-hit-now)').getAttribute('data-line');
  await page.locator(`.log-line[data-line="${number}"] .log-number`).click();
  await page.locator(`.log-line[data-line="${Number(number) + 2}"] .log-number`).click({ modifiers: ['Shift'] });
  await until(
    'the range in the address',
    () => Promise.resolve(new URL(page.url()).searchParams.get('lines')),
    (lines) => lines === `${number}-${Number(number) + 2}`,
  );
  await page.reload();
  await until(
    'the chosen lines after a reload',
    () => page.locator('.log-line-selected').count(),
    (count) => count === 3,
  );
});

it('A66 A67: a hostile log stays text', async () => {
  const { page, troubles } = await browser.page('/services/catalog/runs/1287?job=lint');
  await page.getByText('nothing below may become more than text').waitFor();
  await page.getByText('<script>window.__hostile = 1</script>').waitFor();
  expect(await page.locator('.log').locator('img, script, iframe').count()).toBe(0);
  expect(await page.evaluate(() => '__hostile' in window)).toBe(false);
  expect(await page.title()).toBe('catalog #1287 · Sluice');
  const links = await page
    .locator('.log a')
    .evaluateAll((all) => all.map((each) => [each.getAttribute('href'), each.getAttribute('rel')]));
  expect(links).toEqual([
    ['https://evil.example/login', 'noopener noreferrer nofollow'],
    ['https://example.com/ok', 'noopener noreferrer nofollow'],
  ]);
  expect(await page.locator('.log-host').allTextContents()).toEqual([' (evil.example)']);
  expect(await page.locator('.log .mark').allTextContents()).toEqual(['U+202E', 'U+202C', 'U+200B']);
  const line = (number: number) => page.locator(`.log-line[data-line="${number}"] .log-text`);
  expect(await line(8).textContent()).toBe('progress 100%');
  expect(await line(6).textContent()).toBe('after the dropped sequences');
  expect(await line(11).textContent()).toContain('yyyy');
  await page.getByRole('button', { name: /show all 8.8 KiB/ }).click();
  await until(
    'the whole line',
    () => line(10).textContent(),
    (text) => text?.endsWith('x end') === true,
  );
  expect(troubles).toEqual([]);
});

it('says why a job waits and shows tests, with messages as text', async () => {
  const { page } = await browser.page('/services/checkout-ui/runs/318?tab=tests');
  await page.getByRole('heading', { name: '2 tests failed' }).waitFor();
  await page.getByText('<b>not markup</b>').first().waitFor();
  await page.goto(`${browser.server.url}/services/cart/runs/467`);
  await page.getByRole('heading', { name: 'Why is the run waiting?' }).waitFor();
  expect(await page.getByText('No runner of pool linux-x64 is connected.').count()).toBeGreaterThan(0);
});

it('cancel asks first and sends the request token', async () => {
  const { page } = await browser.page('/services/login/runs/1104');
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel the run' }).click();
  await page.getByText(/Hanna Lind asked to cancel/).waitFor();
  expect(browser.server.world.runs.get('login/1104')?.cancelRequested).not.toBeNull();
});

it('an unknown run names what is missing', async () => {
  const { page } = await browser.page('/services/catalog/runs/99999');
  await page.getByText('Run 99999 of catalog does not exist, or you may not see it.').waitFor();
  expect(await page.getByRole('link', { name: 'Go to catalog' }).getAttribute('href')).toBe('/services/catalog');
});
