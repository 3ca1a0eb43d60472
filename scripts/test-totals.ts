/** Number of tests by outcome; a file that cannot be loaded counts as one failed test. */
export interface TestTotals {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** The part of Vitest's JSON report that the sum needs. */
export interface VitestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly {
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
}

export function addTotals(left: TestTotals, right: TestTotals): TestTotals {
  return {
    passed: left.passed + right.passed,
    failed: left.failed + right.failed,
    skipped: left.skipped + right.skipped,
  };
}

/** "12 passed, 0 failed", with ", 1 skipped" when there are any. */
export function describeTotals({ passed, failed, skipped }: TestTotals): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

/**
 * Sums a Vitest report. `exitCode` is Vitest's own: when it reports trouble that belongs to no test (an error thrown
 * between tests, a crashed worker, no matching file), that still counts as one failure, so a total never hides it.
 */
export function totalsOfVitestReport(report: VitestReport | undefined, exitCode: number): TestTotals {
  if (report === undefined) return { passed: 0, failed: 1, skipped: 0 };
  const brokenFiles = report.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  ).length;
  const failed = report.numFailedTests + brokenFiles;
  return {
    passed: report.numPassedTests,
    failed: failed === 0 && exitCode !== 0 ? 1 : failed,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

/** Reads the summary that the end-to-end runner leaves; anything but three counts means the runner broke: one failure. */
export function totalsOfSummary(summary: unknown, exitCode: number): TestTotals {
  if (typeof summary !== 'object' || summary === null) return { passed: 0, failed: 1, skipped: 0 };
  const { passed, failed, skipped = 0 } = summary as Record<string, unknown>;
  if (!isCount(passed) || !isCount(failed) || !isCount(skipped)) return { passed: 0, failed: 1, skipped: 0 };
  return { passed, failed: failed === 0 && exitCode !== 0 ? 1 : failed, skipped };
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0;
}
