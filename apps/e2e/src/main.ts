import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { journeyScenario, playBrowserJourney } from './browser/release-manager-journey.ts';
import { killTestScenario, runKillTest } from './kill-test/kill-test.ts';
import { playScenarios } from './play-scenarios.ts';
import { readOptions, type Options } from './options.ts';
import { TestReport } from './report/test-report.ts';
import { loadScenarios, type Scenario } from './scenario/load-scenarios.ts';
import { setUpScenes } from './scenario/set-up-scenes.ts';
import { startParts } from './world/parts.ts';
import { startWorld, type World } from './world/world.ts';

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
          await playWorld(
            world,
            options,
            scenarios.filter(({ modes }) => modes.includes(mode)),
            report,
          );
        } finally {
          if (report.failed > 0) console.log(`e2e: logs and data stay in ${world.folder}`);
          await world.stop(report.failed > 0);
        }
      } catch (error) {
        report.fail(
          `${mode}: the installation`,
          (performance.now() - modeStartedAt) / 1000,
          `  - ${error instanceof Error ? error.message : String(error)}`,
        );
      }
    }
  } finally {
    await parts.stop();
  }
  console.log(`e2e: ${report.describe()} in ${((performance.now() - startedAt) / 1000).toFixed(0)} s`);
  report.write(process.env['SLUICE_TEST_SUMMARY']);
  process.exitCode = report.failed > 0 ? 1 : 0;
}

async function playWorld(
  world: World,
  { suites, modes }: Options,
  scenarios: readonly Scenario[],
  report: TestReport,
): Promise<void> {
  // The scenarios of killed servers play in every mode; the long table of the kill test in one of them is enough.
  const kills = suites.includes('kill-test') && world.mode === modes[0];
  const journey = suites.includes('browser');
  const scenes = await setUpScenes(world, [
    ...(suites.includes('scenarios') ? scenarios : []),
    ...(journey ? [journeyScenario(ROOT)] : []),
    ...(kills ? [killTestScenario(ROOT)] : []),
  ]);
  await playScenarios(scenes.slice(0, suites.includes('scenarios') ? scenarios.length : 0), report);
  const ours = (service: Scenario) => scenes.find(({ scenario }) => scenario.name === service.name)!;
  if (journey) await playBrowserJourney(ours(journeyScenario(ROOT)), report);
  if (kills) await runKillTest(ours(killTestScenario(ROOT)), report);
}

try {
  await main();
} catch (error) {
  console.error(`e2e: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
