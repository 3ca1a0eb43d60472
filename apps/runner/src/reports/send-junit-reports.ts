import type { Sandbox } from '../executor/executor.port.ts';
import type { AttemptLog } from '../log/attempt-log.ts';
import type { BackOff } from '../server/back-off.ts';
import { untilAnswered } from '../server/back-off.ts';
import type { LeaseKey, RunnerApi } from '../server/runner-api.ts';
import { ServerRefusal } from '../server/server-answer.ts';

const LIMITS = { maxFiles: 100, maxBytes: 4_000_000 } as const;

export interface JunitReports {
  readonly api: RunnerApi;
  readonly lease: LeaseKey;
  readonly sandbox: Sandbox;
  readonly globs: readonly string[];
  readonly log: AttemptLog;
  readonly backOff: BackOff;
  readonly signal: AbortSignal;
}

/** Sends the matching files one by one. A file that cannot be used gets a line in the log and changes nothing else. */
export async function sendJunitReports({
  api,
  lease,
  sandbox,
  globs,
  log,
  backOff,
  signal,
}: JunitReports): Promise<void> {
  if (globs.length === 0) return;
  const sum = { files: 0, passed: 0, failed: 0, skipped: 0 };
  for await (const { path, text } of sandbox.readFiles(globs, LIMITS)) {
    sum.files++;
    if (text === undefined || text.length > LIMITS.maxBytes) {
      log.line(`the report ${path} is larger than 4 MB and was not sent`);
      continue;
    }
    try {
      const counts = await untilAnswered(() => api.report(lease, path, text, signal), backOff, signal);
      sum.passed += counts.passed;
      sum.failed += counts.failed;
      sum.skipped += counts.skipped;
    } catch (error) {
      if (!(error instanceof ServerRefusal)) throw error;
      log.line(`the report ${path} was refused: ${error.message}`);
    }
  }
  if (sum.files === 0) log.line(`no file matches ${globs.join(', ')}: no test report was sent`);
  else log.line(`test reports: ${sum.files} files, ${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`);
}
