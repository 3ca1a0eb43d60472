import { ensureDebianPackages, programPath } from './debian-packages.ts';

export interface Chromium {
  readonly executablePath: string;
  /** For the `args` of playwright-core's `chromium.launch`: no sandbox for root in a container, no calls home. */
  readonly args: readonly string[];
}

const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** The browser of this machine: `SLUICE_CHROMIUM` if set, or else one on PATH, installed when we can. */
export async function findChromium(report?: (line: string) => void): Promise<Chromium> {
  const named = process.env['SLUICE_CHROMIUM'];
  if (named !== undefined && named !== '') return { executablePath: named, args: ARGS };
  await ensureDebianPackages(['chromium'], report === undefined ? {} : { report });
  const executablePath = ['chromium', 'chromium-browser', 'google-chrome']
    .map(programPath)
    .find((path) => path !== undefined);
  if (executablePath === undefined) throw new Error('No Chromium was found: set SLUICE_CHROMIUM to its program.');
  return { executablePath, args: ARGS };
}
