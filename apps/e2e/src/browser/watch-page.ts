import type { Page } from 'playwright-core';

/** Collects what must not happen on any page: errors, broken policy, requests to other hosts. */
export async function watchPage(page: Page, origin: string): Promise<string[]> {
  const troubles: string[] = [];
  page.on('pageerror', (error) => troubles.push(`a page threw ${error.message}`));
  page.on('console', (message) => {
    // The browser calls two plain answers errors: nobody is signed in yet (401), and a log has no more bytes yet (416).
    // And it cuts requests whenever the engine makes a network for a job on this machine; the pages ask again.
    if (message.type() === 'error' && !/status of (401|416)|ERR_NETWORK_CHANGED/.test(message.text()))
      troubles.push(`the console says ${message.text()}`);
  });
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (url.origin !== origin && url.protocol !== 'data:' && url.protocol !== 'blob:')
      troubles.push(`a page asked ${url.origin}`);
  });
  page.on('response', (response) => {
    if (response.status() >= 500) troubles.push(`${response.url()} answered ${response.status()}`);
  });
  await page.exposeFunction('sluiceReportViolation', (text: string) =>
    troubles.push(`the content security policy was broken: ${text}`),
  );
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => {
      (window as unknown as { sluiceReportViolation(text: string): void }).sluiceReportViolation(
        `${violatedDirective} ${blockedURI}`,
      );
    });
  });
  return troubles;
}
