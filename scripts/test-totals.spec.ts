import { expect, test } from 'vitest';
import { chooseSuites } from './choose-suites.ts';
import {
  addTotals,
  describeTotals,
  failuresOfSummary,
  failuresOfVitestReport,
  totalsOfSummary,
  totalsOfVitestReport,
} from './test-totals.ts';

const report = { numPassedTests: 3, numFailedTests: 0, numPendingTests: 1, numTodoTests: 1, testResults: [] };

test('the closing line names skipped tests only when there are some', () => {
  expect(describeTotals({ passed: 3, failed: 0, skipped: 0 })).toBe('3 passed, 0 failed');
  expect(describeTotals({ passed: 3, failed: 1, skipped: 2 })).toBe('3 passed, 1 failed, 2 skipped');
  expect(addTotals({ passed: 1, failed: 2, skipped: 3 }, { passed: 10, failed: 20, skipped: 30 })).toEqual({
    passed: 11,
    failed: 22,
    skipped: 33,
  });
});

test('a green report counts passed, skipped and planned tests', () => {
  expect(totalsOfVitestReport(report, 0)).toEqual({ passed: 3, failed: 0, skipped: 2 });
});

test('a test file that cannot be loaded counts as one failure', () => {
  const file = { name: 'a.spec.ts', status: 'failed', message: 'no such module', assertionResults: [] };
  const broken = { ...report, testResults: [file] };
  expect(totalsOfVitestReport(broken, 1).failed).toBe(1);
  expect(failuresOfVitestReport(broken)).toEqual(['a.spec.ts: cannot be loaded\n    no such module']);
});

test('a failed test is not counted a second time through its file', () => {
  const failed = {
    ...report,
    numFailedTests: 1,
    testResults: [
      {
        name: 'a.spec.ts',
        status: 'failed',
        message: '',
        assertionResults: [
          { status: 'passed', fullName: 'it adds', failureMessages: [] },
          { status: 'failed', fullName: 'it sums', failureMessages: ['expected 1\n  at sum.ts:3'] },
        ],
      },
    ],
  };
  expect(totalsOfVitestReport(failed, 1).failed).toBe(1);
  expect(failuresOfVitestReport(failed)).toEqual(['a.spec.ts: it sums\n    expected 1\n      at sum.ts:3']);
});

test('trouble outside any test, or no report at all, counts as one failure', () => {
  expect(totalsOfVitestReport(report, 1).failed).toBe(1);
  expect(totalsOfVitestReport(undefined, 0).failed).toBe(1);
});

test('an end-to-end summary must hold counts and agree with the exit code', () => {
  expect(totalsOfSummary({ passed: 2, failed: 0 }, 0)).toEqual({ passed: 2, failed: 0, skipped: 0 });
  expect(totalsOfSummary({ passed: 2, failed: 0, skipped: 1 }, 1)).toEqual({ passed: 2, failed: 1, skipped: 1 });
  for (const broken of [undefined, null, {}, { passed: '2', failed: 0 }, { passed: 2, failed: -1 }]) {
    expect(totalsOfSummary(broken, 0).failed).toBe(1);
  }
});

test('failures of the end-to-end runner are said again, long reasons shortened', () => {
  expect(failuresOfSummary({ failures: ['happy path\n  - no release'] })).toEqual(['happy path\n  - no release']);
  expect(failuresOfSummary({ failures: ['x\n'.repeat(100)] })[0]!.split('\n')).toHaveLength(40);
  for (const nothing of [undefined, null, {}, { failures: 'one' }]) expect(failuresOfSummary(nothing)).toEqual([]);
});

test('arguments choose the suites', () => {
  expect(chooseSuites([])).toEqual({ vitest: [], endToEnd: [] });
  expect(chooseSuites(['libs/engine'])).toEqual({ vitest: ['libs/engine'], endToEnd: undefined });
  expect(chooseSuites(['--unit'])).toEqual({ vitest: [], endToEnd: undefined });
  expect(chooseSuites(['--e2e', 'happy-path'])).toEqual({ vitest: undefined, endToEnd: ['happy-path'] });
});
