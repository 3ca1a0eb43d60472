import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { totalsOfSummary, totalsOfVitestReport, type TestTotals, type VitestReport } from './test-totals.ts';
import { runNode, workspaceRoot } from './workspace.ts';

const endToEndProgram = 'apps/e2e/src/main.ts';

/** Unit and contract tests of all workspaces in one Vitest run. `args` are Vitest's own: file filters, `-t name`, `--project engine`. */
export async function runVitestSuite(reportFile: string, args: readonly string[]): Promise<TestTotals> {
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`];
  const exitCode = await runNode(['node_modules/vitest/dist/cli.js', 'run', ...reporters, ...args]);
  const totals = totalsOfVitestReport(readJson(reportFile) as VitestReport | undefined, exitCode);
  explainFailureOutsideTests('unit and contract tests', exitCode, totals);
  return totals;
}

/** The scenarios against the built product. Resolves with nothing when this workspace has no end-to-end runner. */
export async function runEndToEndSuite(summaryFile: string, args: readonly string[]): Promise<TestTotals[]> {
  if (!existsSync(join(workspaceRoot, endToEndProgram))) {
    console.log(`test: no end-to-end tests were run, because ${endToEndProgram} does not exist.`);
    return [];
  }
  const exitCode = await runNode(['--conditions=@sluice/source', endToEndProgram, ...args], {
    SLUICE_TEST_SUMMARY: summaryFile,
  });
  const totals = totalsOfSummary(readJson(summaryFile), exitCode);
  explainFailureOutsideTests('end-to-end tests', exitCode, totals);
  return [totals];
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
