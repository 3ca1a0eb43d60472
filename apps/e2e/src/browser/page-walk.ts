import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { eventually, findChromium } from '@sluice/testing';
import { chromium, type Page } from 'playwright-core';
import type { TestReport } from '../report/test-report.ts';
import type { Scene } from '../scenario/scene.ts';
import { judgeWalk } from './judge-walk.ts';
import { PAGES, type Found, type PageToOpen } from './pages.ts';
import { signIn } from './sign-in.ts';
import { watchPage } from './watch-page.ts';

const PAGE_TIMEOUT_MS = 8_000;
const DESKTOP = { width: 1440, height: 900 };
const PHONE = { width: 390, height: 844 };

/**
 * Opens each page against the real server, on what the journey has released: none may say that it could not read something, throw,
 * or be wider than a phone. What a bundle lacks shows here alone; the pages' own tests have a server that answers as the contract says.
 */
export function playPageWalk(scene: Scene, report: TestReport): Promise<void> {
  return judgeWalk(scene, report, "every page opens, at a desktop's and a phone's width", walk);
}

async function walk(scene: Scene): Promise<string[]> {
  const { world } = scene;
  const { url } = world.servers.replicas[0]!;
  const { executablePath, args } = await findChromium();
  const browser = await chromium.launch({ executablePath, args: [...args] });
  const shots = join(world.root, 'test-results/browser', world.mode, 'pages');
  mkdirSync(shots, { recursive: true });
  try {
    const page = await browser.newPage({ baseURL: url, viewport: DESKTOP });
    page.setDefaultTimeout(PAGE_TIMEOUT_MS);
    const troubles = await watchPage(page, url);
    await signIn(page, world.people['root']!);
    page.on('response', (response) => {
      // A log that has no more bytes yet answers 416.
      if (response.status() >= 400 && response.status() !== 416)
        troubles.push(`${response.url()} answered ${response.status()}`);
    });
    const found = await whatWasReleased(scene);
    const differences: string[] = [];
    for (const [index, one] of PAGES.entries()) {
      const wrong = await look(page, one, found, troubles);
      if (wrong.length === 0) continue;
      const shot = join(shots, `${index + 1}.png`);
      await page.screenshot({ path: shot });
      differences.push(...[...new Set(wrong)].map((what) => `${one.address(found)}: ${what} (see ${shot})`));
    }
    return differences;
  } finally {
    await browser.close();
  }
}

async function whatWasReleased(scene: Scene): Promise<Found> {
  const { number, lanes } = await scene.run(undefined, undefined);
  const deployment = lanes.find(({ environment }) => environment === 'production')?.deploymentId;
  if (!deployment) throw new Error('The journey left no deployment in production.');
  return { service: scene.mainService, run: number, deployment };
}

/** What is wrong with a page. An engine that makes a network meanwhile cuts what the browser loads: it is loaded again. */
async function look(page: Page, one: PageToOpen, found: Found, troubles: string[]): Promise<string[]> {
  let cut = false;
  const onFailed = (request: { failure(): { errorText: string } | null }) => {
    cut ||= request.failure()?.errorText === 'net::ERR_NETWORK_CHANGED';
  };
  page.on('requestfailed', onFailed);
  try {
    return await eventually(
      async () => {
        cut = false;
        troubles.length = 0;
        const wrong = [...(await openAndRead(page, one, found)), ...troubles];
        return cut && wrong.length > 0 ? undefined : wrong;
      },
      { timeoutMs: 4 * PAGE_TIMEOUT_MS, describe: 'a page that no change of networks cuts' },
    );
  } finally {
    page.off('requestfailed', onFailed);
  }
}

async function openAndRead(page: Page, one: PageToOpen, found: Found): Promise<string[]> {
  try {
    await page.setViewportSize(DESKTOP);
    await page.goto(one.address(found), { waitUntil: 'commit' });
    const refused = page.getByRole('alert');
    await page.getByText(one.shows(found)).or(refused).first().waitFor();
    await page.getByRole('status', { name: 'Loading' }).waitFor({ state: 'detached' });
    const wrong = (await refused.allInnerTexts()).map((text) => `the page says "${text}"`);
    await page.setViewportSize(PHONE);
    const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    return over > 0 ? [...wrong, `it is ${over} px wider than a phone`] : wrong;
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}
