import { existsSync } from 'node:fs';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import { startFixtureServer, type FixtureServer } from '../dev/fixture-server.ts';
import { testBuild } from './build-once.ts';

const executablePath = process.env['SLUICE_CHROMIUM'] ?? '/usr/bin/chromium';
const args = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export type ServerOptions = Omit<Parameters<typeof startFixtureServer>[0], 'dist' | 'port'>;
export interface OpenPage {
  page: Page;
  /** Errors of scripts, refusals of the content security policy, and requests to other hosts. */
  troubles: string[];
}

/** One browser and one example installation for a file of tests. */
export class TestBrowser implements AsyncDisposable {
  readonly server: FixtureServer;
  readonly #browser: Browser;
  readonly #contexts: BrowserContext[] = [];

  private constructor(server: FixtureServer, browser: Browser) {
    this.server = server;
    this.#browser = browser;
  }

  static async open(options: ServerOptions = {}): Promise<TestBrowser> {
    if (!existsSync(executablePath)) {
      throw new Error(`No browser at ${executablePath}: install chromium, or name one in SLUICE_CHROMIUM.`);
    }
    const server = await startFixtureServer({ dist: testBuild, ...options });
    return new TestBrowser(server, await chromium.launch({ executablePath, args }));
  }

  async page(
    path: string,
    look: { width?: number; height?: number; theme?: 'light' | 'dark' } = {},
  ): Promise<OpenPage> {
    const { width = 1440, height = 960, theme = 'light' } = look;
    const context = await this.#browser.newContext({
      viewport: { width, height },
      colorScheme: theme,
      reducedMotion: 'reduce',
      hasTouch: width < 600,
    });
    this.#contexts.push(context);
    const page = await context.newPage();
    page.setDefaultTimeout(15_000);
    const troubles: string[] = [];
    page.on('pageerror', (error) => troubles.push(`script: ${error.message}`));
    page.on('console', (message) => {
      if (message.text().includes('Content Security Policy') || message.text().includes('TrustedHTML'))
        troubles.push(message.text());
    });
    page.on('dialog', (dialog) => {
      troubles.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on('request', (request) => {
      if (new URL(request.url()).origin !== this.server.url) troubles.push(`request to ${request.url()}`);
    });
    // Chromium drops requests when a network interface comes or goes, as container engines make them do at any time.
    let dropped = false;
    page.on('requestfailed', (request) => {
      if (request.failure()?.errorText === 'net::ERR_NETWORK_CHANGED') dropped = true;
    });
    for (let attempt = 0; attempt < 3 && (attempt === 0 || dropped); attempt += 1) {
      dropped = false;
      await page.goto(this.server.url + path).catch((error: unknown) => {
        if (!String(error).includes('ERR_NETWORK_CHANGED')) throw error;
      });
    }
    return { page, troubles };
  }

  async closePages(): Promise<void> {
    await Promise.all(this.#contexts.splice(0).map((context) => context.close()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
    await this.server.stop();
  }
}

/** Polls until the condition holds; the last answer is in the failure. */
export async function until<T>(what: string, read: () => Promise<T>, holds: (value: T) => boolean): Promise<T> {
  const deadline = Date.now() + 15_000;
  for (;;) {
    const value = await read();
    if (holds(value)) return value;
    if (Date.now() > deadline) throw new Error(`${what} did not come about; last seen: ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
