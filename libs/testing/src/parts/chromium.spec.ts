import { execa } from 'execa';
import { afterAll, expect, it } from 'vitest';
import { findChromium } from './chromium.ts';
import { temporaryFolder } from './temporary-folder.ts';

const profile = temporaryFolder('chromium-spec');
afterAll(() => profile.remove());

it('finds a browser that runs a page with these arguments', async () => {
  const { executablePath, args } = await findChromium();
  const page = 'data:text/html,<p id=p></p><script>p.textContent=6*7</script>';
  const own = ['--headless', `--user-data-dir=${profile.path}`, '--dump-dom', page];
  const { stdout } = await execa(executablePath, [...args, ...own], { timeout: 60_000, stderr: 'ignore' });
  expect(stdout).toContain('<p id="p">42</p>');
}, 240_000);

it('takes the browser that the setting names', async () => {
  process.env['SLUICE_CHROMIUM'] = '/opt/browser';
  try {
    expect((await findChromium()).executablePath).toBe('/opt/browser');
  } finally {
    delete process.env['SLUICE_CHROMIUM'];
  }
});
