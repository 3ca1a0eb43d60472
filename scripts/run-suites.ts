import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  failuresOfVitestReport,
  failuresOfSummary,
  totalsOfSummary,
  totalsOfVitestReport,
  type TestTotals,
  type VitestReport,
} from './test-totals.ts';
import { runNode, workspaceRoot } from './workspace.ts';

const endToEndProgram = 'apps/e2e/src/main.ts';

export interface SuiteResult {
  readonly totals: TestTotals;
  /** What failed, to be said again at the very end: a log that is cut keeps its end. */
  readonly failures: readonly string[];
}

/** Unit and contract tests of all workspaces in one Vitest run. `args` are Vitest's own: file filters, `-t name`, `--project engine`. */
export async function runVitestSuite(reportFile: string, args: readonly string[]): Promise<SuiteResult> {
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`];
  const exitCode = await runNode(['node_modules/vitest/dist/cli.js', 'run', ...reporters, ...args]);
  const report = readJson(reportFile) as VitestReport | undefined;
  const totals = totalsOfVitestReport(report, exitCode);
  explainFailureOutsideTests('unit and contract tests', exitCode, totals);
  return { totals, failures: failuresOfVitestReport(report) };
}

/** The scenarios against the built product. Resolves with nothing when this workspace has no end-to-end runner. */
export async function runEndToEndSuite(summaryFile: string, args: readonly string[]): Promise<SuiteResult[]> {
  if (!existsSync(join(workspaceRoot, endToEndProgram))) {
    console.log(`test: no end-to-end tests were run, because ${endToEndProgram} does not exist.`);
    return [];
  }
  const exitCode = await runNode(['--conditions=@sluice/source', endToEndProgram, ...args], {
    SLUICE_TEST_SUMMARY: summaryFile,
  });
  const summary = readJson(summaryFile);
  const totals = totalsOfSummary(summary, exitCode);
  explainFailureOutsideTests('end-to-end tests', exitCode, totals);
  return [{ totals, failures: failuresOfSummary(summary) }];
}

function readJson(file: string): unknown {
  if (!existsSync(file)) return undefined;
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    // A report cut short by a crash: the caller counts it as a failure.
    return undefined;
  }
}

function explainFailureOutsideTests(suite: string, exitCode: number, totals: TestTotals): void {
  if (exitCode === 0 && totals.failed === 0) return;
  console.error(`test: ${suite} ended with code ${exitCode}, ${totals.failed} counted as failed.`);
}
