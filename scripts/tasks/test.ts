import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildWorkspace } from '../build-workspace.ts';
import { chooseSuites } from '../choose-suites.ts';
import { runEndToEndSuite, runVitestSuite } from '../run-suites.ts';
import { addTotals, describeTotals, type TestTotals } from '../test-totals.ts';

const chosen = chooseSuites(process.argv.slice(2));

if ((await buildWorkspace()) !== 0) {
  console.error(
    `test: nothing was tested, because the build failed.\n\n${describeTotals({ passed: 0, failed: 1, skipped: 0 })}`,
  );
  process.exitCode = 1;
} else {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-test-'));
  const totals: TestTotals[] = [];
  try {
    if (chosen.vitest !== undefined) totals.push(await runVitestSuite(join(folder, 'vitest.json'), chosen.vitest));
    if (chosen.endToEnd !== undefined)
      totals.push(...(await runEndToEndSuite(join(folder, 'e2e.json'), chosen.endToEnd)));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const sum = totals.reduce(addTotals, { passed: 0, failed: 0, skipped: 0 });
  console.log(`\n${describeTotals(sum)}`);
  process.exitCode = sum.failed > 0 || sum.passed === 0 ? 1 : 0;
}
