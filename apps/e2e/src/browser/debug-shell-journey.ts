import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { findChromium } from '@sluice/testing';
import { chromium, type Page } from 'playwright-core';
import type { TestReport } from '../report/test-report.ts';
import { bareScenario } from '../scenario/load-scenarios.ts';
import type { Scenario } from '../scenario/scenario.ts';
import type { Scene } from '../scenario/scene.ts';
import { stepKinds } from '../steps/index.ts';
import { judgeWalk } from './judge-walk.ts';
import { open, signIn } from './sign-in.ts';
import { watchPage } from './watch-page.ts';

const SERVICE = 'failing';
const JOB = 'commit/unit';
/** A container has to start, fail and be kept. */
const TIMEOUT_MS = 60_000;

/** A developer's way into the container of a failed job, in a real browser: what they type is answered, also after the page was loaded anew. */
export function playShellJourney(scene: Scene, report: TestReport): Promise<void> {
  return judgeWalk(scene, report, 'run a failed job again, open a shell in its container, end it', walk);
}

async function walk(scene: Scene): Promise<string[]> {
  const { world } = scene;
  const { url } = world.servers.replicas[0]!;
  const { executablePath, args } = await findChromium();
  const browser = await chromium.launch({ executablePath, args: [...args] });
  const shots = join(world.root, 'test-results/browser', world.mode);
  mkdirSync(shots, { recursive: true });
  try {
    const page = await browser.newPage({ baseURL: url, viewport: { width: 1440, height: 900 } });
    page.setDefaultTimeout(TIMEOUT_MS);
    const troubles = await watchPage(page, url);
    const shot = (name: string) => page.screenshot({ path: join(shots, `${name}.png`) });
    try {
      await stepKinds.get('push')!.play(scene, { files: 'v1', by: 'dana', branch: 'main' });
      await stepKinds.get('waitFor')!.play(scene, { status: 'failed', within: 60 });
      await signIn(page, world.people['dana']!);
      await open(page, `/services/${SERVICE}/runs/1`);
      await rerunKept(page, shot);
      await page.getByRole('button', { name: 'Open a shell' }).click();
      await ask(page, 'cat made.txt; echo $((40 + 1))', 'made by the step', '41');
      // Colours that no sheet of the page foresees.
      await ask(page, String.raw`printf '\033[38;2;1;200;3mcolour%s\033[0m\n' ful`, 'colourful');
      const colour = await page
        .locator('.xterm-rows span', { hasText: /^colourful$/ })
        .evaluate((span) => getComputedStyle(span).color);
      if (colour !== 'rgb(1, 200, 3)')
        throw new Error(`The terminal shows in ${colour} what the shell said in rgb(1, 200, 3).`);
      await shot('shell-1-answered');
      await page.reload();
      await page.getByRole('button', { name: 'Go on in your shell' }).click();
      await shows(page, 'colourful');
      await ask(page, 'echo $((40 + 2))', '42');
      await page.getByRole('button', { name: 'End now' }).click();
      await page.getByText(/The container of commit\/unit was kept until .*\. Dana Okafor ended it\./).waitFor();
      await page.getByText('Closed: Dana Okafor ended it.').waitFor();
      await shot('shell-2-ended');
    } catch (error) {
      await shot('shell-failed').catch(() => undefined);
      const why = error instanceof Error ? error.message : String(error);
      throw new Error([`${why} (at ${page.url()}; see ${shots}/shell-failed.png)`, ...troubles].join('; '), {
        cause: error,
      });
    }
    const actions = ['debug.keep', 'debug.open', 'debug.close', 'debug.end'];
    await stepKinds.get('keptAudit')!.play(scene, { run: 2, job: JOB, actions });
    return [...new Set(troubles)];
  } finally {
    await browser.close();
  }
}

/** By the dialog of the failed run, which leads on to the new one. */
async function rerunKept(page: Page, shot: (name: string) => Promise<unknown>): Promise<void> {
  await page.getByRole('button', { name: 'Run again' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('What to run again').selectOption(`job ${JOB}`);
  await dialog.getByLabel(/^Keep the containers of jobs that fail/).check();
  await dialog.getByLabel('How long containers are kept').selectOption({ label: '10 minutes' });
  await shot('shell-0-rerun');
  await dialog.getByRole('button', { name: 'Run again' }).click();
  await page.waitForURL(`**/services/${SERVICE}/runs/2*`);
}

/** Types a line when the shell is ready for one, and waits for what it must say. */
async function ask(page: Page, line: string, ...answers: readonly string[]): Promise<void> {
  await shows(page, '#');
  await page.getByRole('textbox', { name: 'Terminal input' }).focus();
  await page.keyboard.type(line);
  await page.keyboard.press('Enter');
  for (const answer of answers) await shows(page, answer);
}

/** What a person sees of the terminal: a row of it that has this text. */
async function shows(page: Page, text: string): Promise<void> {
  await page.locator('.xterm-rows').getByText(text).last().waitFor();
}

/** The service whose job fails. */
export function shellScenario(root: string): Scenario {
  return bareScenario(SERVICE, join(root, 'apps/e2e/templates/failing'));
}
