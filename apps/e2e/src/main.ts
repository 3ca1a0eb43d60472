import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { playScenarios } from './play-scenarios.ts';
import { readOptions } from './options.ts';
import { TestReport } from './report/test-report.ts';
import { loadScenarios } from './scenario/load-scenarios.ts';
import { startParts } from './world/parts.ts';
import { startWorld } from './world/world.ts';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../../..');

/** The product from outside: every scenario in both modes, the kill test, and a person's way through the browser. */
async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  const scenarios = loadScenarios(join(ROOT, 'apps/e2e/scenarios'), options.filter);
  if (scenarios.length === 0) throw new Error(`No scenario has ${JSON.stringify(options.filter)} in its name.`);
  const report = new TestReport();
  const startedAt = performance.now();
  const parts = await startParts((line) => console.log(`e2e: ${line}`));
  try {
    for (const mode of options.modes) {
      console.log(`e2e: ${mode}`);
      const modeStartedAt = performance.now();
      try {
        const world = await startWorld(ROOT, mode, parts);
        try {
          if (options.suites.includes('scenarios')) await playScenarios(world, scenarios, report);
        } finally {
          await world.stop();
        }
      } catch (error) {
        report.fail(`${mode}: the installation`, (performance.now() - modeStartedAt) / 1000, `  - ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  } finally {
    await parts.stop();
  }
  console.log(`e2e: ${report.describe()} in ${((performance.now() - startedAt) / 1000).toFixed(0)} s`);
  report.write(process.env['SLUICE_TEST_SUMMARY']);
  process.exitCode = report.failed > 0 ? 1 : 0;
}

try {
  await main();
} catch (error) {
  console.error(`e2e: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
