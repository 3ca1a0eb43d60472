import { readFileSync } from 'node:fs';
import type { RunnerConfig } from './config.ts';
import type { RunnerApi } from './server/runner-api.ts';
import type { WorkDir } from './work-dir/work-dir.ts';

/** Raised with one sentence that says what to do. */
export class NoRunnerToken extends Error {
  override readonly name = 'NoRunnerToken';
}

/** The token this runner has: from the named file, else the kept one. Undefined when it must register first. */
export function knownToken({ tokenFile, registrationToken }: RunnerConfig, workDir: WorkDir): string | undefined {
  if (tokenFile !== undefined) {
    try {
      const token = readFileSync(tokenFile, 'utf8').trim();
      if (token !== '') return token;
    } catch (cause) {
      throw new NoRunnerToken(
        `SLUICE_RUNNER_TOKEN_FILE ${tokenFile} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`,
        { cause },
      );
    }
    throw new NoRunnerToken(`SLUICE_RUNNER_TOKEN_FILE ${tokenFile} is empty: put the runner token into it.`);
  }
  const kept = workDir.readToken();
  if (kept === undefined && registrationToken === undefined) {
    throw new NoRunnerToken(
      'The runner has no token: set SLUICE_REGISTRATION_TOKEN to a registration token from the runners page, or SLUICE_RUNNER_TOKEN_FILE.',
    );
  }
  return kept;
}

/** Exchanges the registration token and keeps what it brings. */
export async function register(
  api: RunnerApi,
  { registrationToken, name }: RunnerConfig,
  workDir: WorkDir,
): Promise<void> {
  if (registrationToken === undefined)
    throw new NoRunnerToken('The runner has no registration token: set SLUICE_REGISTRATION_TOKEN.');
  api.useToken('');
  const { token } = await api.register(registrationToken, name);
  workDir.keepToken(token);
  api.useToken(token);
}
