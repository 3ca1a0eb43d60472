import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildWorkspace } from '../build-workspace.ts';
import { chooseSuites } from '../choose-suites.ts';
import { runEndToEndSuite, runVitestSuite, type SuiteResult } from '../run-suites.ts';
import { addTotals, describeTotals } from '../test-totals.ts';

const chosen = chooseSuites(process.argv.slice(2));

if ((await buildWorkspace()) !== 0) {
  console.error(
    `test: nothing was tested, because the build failed.\n\n${describeTotals({ passed: 0, failed: 1, skipped: 0 })}`,
  );
  process.exitCode = 1;
} else {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-test-'));
  const results: SuiteResult[] = [];
  try {
    if (chosen.vitest !== undefined) results.push(await runVitestSuite(join(folder, 'vitest.json'), chosen.vitest));
    if (chosen.endToEnd !== undefined)
      results.push(...(await runEndToEndSuite(join(folder, 'e2e.json'), chosen.endToEnd)));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  for (const failure of results.flatMap((result) => result.failures)) console.log(`\nfailed: ${failure}`);
  const sum = results.map((result) => result.totals).reduce(addTotals, { passed: 0, failed: 0, skipped: 0 });
  console.log(`\n${describeTotals(sum)}`);
  process.exitCode = sum.failed > 0 || sum.passed === 0 ? 1 : 0;
}
