import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { eventually, findChromium } from '@sluice/testing';
import { chromium, type Locator, type Page } from 'playwright-core';
import type { TestReport } from '../report/test-report.ts';
import { checkExpectation } from '../scenario/check-expectation.ts';
import { expectation } from '../scenario/expected-run.ts';
import { bareScenario } from '../scenario/load-scenarios.ts';
import type { Scenario } from '../scenario/scenario.ts';
import type { Scene } from '../scenario/scene.ts';
import { stepKinds } from '../steps/index.ts';
import { judgeWalk } from './judge-walk.ts';
import { open, signIn } from './sign-in.ts';
import { watchPage } from './watch-page.ts';

const SERVICE = 'watched';
const TIMEOUT_MS = 30_000;
/** The job of templates/watched prints one of these every half second. */
const TICK = /tick (\d+) of 12/g;

/** A release manager's way through the pages, in a real browser on a real run. */
export function playBrowserJourney(scene: Scene, report: TestReport): Promise<void> {
  return judgeWalk(scene, report, 'sign in, watch a run live, read its log, approve, see production change', walk);
}

async function walk(scene: Scene): Promise<string[]> {
  const { world } = scene;
  const { executablePath, args } = await findChromium();
  const browser = await chromium.launch({ executablePath, args: [...args] });
  const shots = join(world.root, 'test-results/browser', world.mode);
  mkdirSync(shots, { recursive: true });
  try {
    const page = await browser.newPage({
      baseURL: world.servers.replicas[0]!.url,
      viewport: { width: 1440, height: 900 },
    });
    page.setDefaultTimeout(TIMEOUT_MS);
    const troubles = await watchPage(page, world.servers.replicas[0]!.url);
    const shot = (name: string) => page.screenshot({ path: join(shots, `${name}.png`) });
    try {
      await signIn(page, world.people['rita']!);
      await stepKinds.get('push')!.play(scene, { files: 'v1', by: 'dana', branch: 'main' });
      await openRun(page);
      await readLogLive(page, scene);
      await shot('1-run-live');
      await page.getByRole('tab', { name: 'Events' }).click();
      await page.getByRole('tabpanel').getByText('commit/slow').first().waitFor();
      await approve(page, shot);
      await seeProduction(page, scene);
      await shot('4-production');
    } catch (error) {
      await shot('failed').catch(() => undefined);
      const why = error instanceof Error ? error.message : String(error);
      throw new Error([`${why} (at ${page.url()}; see ${shots}/failed.png)`, ...troubles].join('; '), { cause: error });
    }
    const wanted = expectation.parse({
      runs: [{ status: 'passed', lanes: { production: 'passed' } }],
      live: [{ environment: 'production', serves: 'v1' }],
    });
    await stepKinds.get('waitFor')!.play(scene, { status: 'passed', within: 30 });
    return [...new Set(troubles), ...(await checkExpectation(scene, wanted))];
  } finally {
    await browser.close();
  }
}

/** The board hears of the push by itself. */
async function openRun(page: Page): Promise<void> {
  await page.getByLabel('Filter services').fill(SERVICE);
  const row = page
    .getByRole('grid', { name: 'Services' })
    .getByRole('row')
    .filter({ hasText: SERVICE })
    .filter({ hasText: `v1 of ${SERVICE}` });
  await row.getByRole('link', { name: SERVICE, exact: true }).click();
  await page.waitForURL(`**/services/${SERVICE}`);
  await page.locator(`a[href="/services/${SERVICE}/runs/1"]`).first().click();
  await page.waitForURL(`**/services/${SERVICE}/runs/1*`);
}

/** Lines come while the job runs: more of them at a second look, and the job is still at it. */
async function readLogLive(page: Page, scene: Scene): Promise<void> {
  const log = page.getByRole('region', { name: 'Log of the job' });
  const first = await eventually(() => lastTick(log), {
    timeoutMs: TIMEOUT_MS,
    describe: 'the first line of the log on the page',
  });
  const later = await eventually(
    async () => {
      const tick = await lastTick(log);
      return tick > first ? tick : 0;
    },
    { timeoutMs: TIMEOUT_MS, describe: `a line after tick ${first} on the page` },
  );
  const job = (await scene.run(undefined, undefined)).jobs.find(({ key }) => key === 'commit/slow');
  if (later < 12 && job?.status !== 'running')
    throw new Error(`The page showed tick ${later} when the job had ${job?.status}: that is not live.`);
  if (first >= 12) throw new Error('The page showed the log only when it was complete.');
}

async function lastTick(log: Locator): Promise<number> {
  return Math.max(0, ...[...(await log.innerText()).matchAll(TICK)].map(([, number]) => Number(number)));
}

async function approve(page: Page, shot: (name: string) => Promise<unknown>): Promise<void> {
  await page
    .getByRole('navigation')
    .getByRole('link', { name: /^Approvals/ })
    .first()
    .click();
  await page.waitForURL('**/approvals*');
  // The address changes before the page does: the run's own links to the service stand there for a moment.
  await page.locator('a[href^="/approvals/"]').filter({ hasText: SERVICE }).first().click({ timeout: 60_000 });
  await page.getByRole('heading', { name: `Release ${SERVICE} #1 to production` }).waitFor();
  await shot('2-gate');
  await page
    .getByRole('region', { name: 'Decision' })
    .getByRole('button', { name: /^Approve and release/ })
    .click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('textbox').fill('seen in the browser');
  await dialog.getByRole('button', { name: 'Approve and release' }).click();
  await page
    .getByRole('status')
    .filter({ hasText: /Rita Lindqvist/ })
    .first()
    .waitFor();
  await shot('3-approved');
}

/** The service's page shows the new release in production without being asked again. */
async function seeProduction(page: Page, scene: Scene): Promise<void> {
  await open(page, `/services/${SERVICE}`);
  const production = page
    .getByRole('region', { name: 'Environments' })
    .getByRole('listitem')
    .filter({ has: page.getByRole('heading', { name: 'production' }) });
  await production.getByText(scene.push('v1').commit.slice(0, 7)).first().waitFor();
}

/** The service that it watches. */
export function journeyScenario(root: string): Scenario {
  return bareScenario(SERVICE, join(root, 'apps/e2e/templates/watched'));
}
