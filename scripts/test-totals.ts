/** Number of tests by outcome; a file that cannot be loaded counts as one failed test. */
export interface TestTotals {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** Enough for a message, a difference and the place in our own code. */
const linesOfWhy = 40;

/** The part of Vitest's JSON report that the sum needs. */
export interface VitestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly VitestFileReport[];
}

export interface VitestFileReport {
  /** Path of the test file. */
  readonly name: string;
  readonly status: string;
  /** Why the file could not be loaded, when it could not. */
  readonly message: string;
  readonly assertionResults: readonly {
    readonly status: string;
    readonly fullName: string;
    readonly failureMessages?: readonly string[] | null;
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
  const failed = report.numFailedTests + report.testResults.filter(isBroken).length;
  return {
    passed: report.numPassedTests,
    failed: failed === 0 && exitCode !== 0 ? 1 : failed,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

/** One text for each failed test and each file that could not be loaded: where, and the first lines of why. */
export function failuresOfVitestReport(report: VitestReport | undefined): string[] {
  return (report?.testResults ?? []).flatMap((file) => {
    const failed = file.assertionResults
      .filter((test) => test.status === 'failed')
      .map((test) => ({ title: test.fullName, why: test.failureMessages?.join('\n') ?? '' }));
    const all = isBroken(file) ? [{ title: 'cannot be loaded', why: file.message }] : failed;
    return all.map(({ title, why }) => `${file.name}: ${title}\n${indent(why)}`);
  });
}

function isBroken(file: VitestFileReport): boolean {
  return file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed');
}

function indent(text: string): string {
  const lines = text.split('\n').slice(0, linesOfWhy);
  return lines.map((line) => `    ${line}`).join('\n');
}

/** Reads the summary that the end-to-end runner leaves; anything but three counts means the runner broke: one failure. */
export function totalsOfSummary(summary: unknown, exitCode: number): TestTotals {
  if (typeof summary !== 'object' || summary === null) return { passed: 0, failed: 1, skipped: 0 };
  const { passed, failed, skipped = 0 } = summary as Record<string, unknown>;
  if (!isCount(passed) || !isCount(failed) || !isCount(skipped)) return { passed: 0, failed: 1, skipped: 0 };
  return { passed, failed: failed === 0 && exitCode !== 0 ? 1 : failed, skipped };
}

/** One text for each failure the end-to-end runner tells of: its name, then why, shortened. */
export function failuresOfSummary(summary: unknown): string[] {
  const failures = (summary as { failures?: unknown } | null | undefined)?.failures;
  if (!Array.isArray(failures)) return [];
  return failures.map((failure) => String(failure).split('\n').slice(0, linesOfWhy).join('\n'));
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0;
}
