import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { playShellJourney, shellScenario } from './browser/debug-shell-journey.ts';
import { playPageWalk } from './browser/page-walk.ts';
import { journeyScenario, playBrowserJourney } from './browser/release-manager-journey.ts';
import { judgeKills, killTestScenario, ONE_HAND, runKillTest, TWO_HANDS } from './kill-test/kill-test.ts';
import { playScenarios } from './play-scenarios.ts';
import { readOptions } from './options.ts';
import { TestReport } from './report/test-report.ts';
import { loadScenarios } from './scenario/load-scenarios.ts';
import type { Scenario } from './scenario/scenario.ts';
import { setUpScenes } from './scenario/set-up-scenes.ts';
import type { Scene } from './scenario/scene.ts';
import { startParts, type Parts } from './world/parts.ts';
import type { Mode } from './world/stores.ts';
import { startWorld } from './world/world.ts';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../../..');

/** The product from outside: every scenario in both modes, the kill test, and a person's way through the browser. */
async function main(): Promise<void> {
  const { modes, suites, filter, chains } = readOptions(process.argv.slice(2));
  const scenarios = loadScenarios(join(ROOT, 'apps/e2e/scenarios'), filter);
  if (scenarios.length === 0) throw new Error(`No scenario has ${JSON.stringify(filter)} in its name.`);
  const report = new TestReport();
  const startedAt = performance.now();
  const parts = await startParts((line) => console.log(`e2e: ${line}`));
  const suite: Suite = { parts, report, ended: untilSignalled() };
  const playModes = async () => {
    for (const mode of modes) {
      const played = suites.includes('scenarios') ? scenarios.filter((scenario) => scenario.modes.includes(mode)) : [];
      const walked = suites.includes('browser') ? [journeyScenario(ROOT), shellScenario(ROOT)] : [];
      if (played.length + walked.length > 0)
        await inWorld(suite, mode, mode, [...played, ...walked], async (scenes) => {
          await playScenarios(scenes.slice(0, played.length), report);
          const [released, failing] = scenes.slice(played.length);
          if (released === undefined || failing === undefined) return;
          await playBrowserJourney(released, report);
          await playPageWalk(released, report);
          await playShellJourney(failing, report);
        });
    }
  };
  // It mostly waits for claims of dead servers to end, so it plays beside the others, in installations of its own; one mode after the other, or restarts take longer than leases on a small machine. Only when nothing else is asked for do two share the work.
  const playKillTest = async () => {
    if (!suites.includes('kill-test')) return;
    for (const mode of modes) {
      const killedAt: string[] = [];
      const hands = suites.length === 1 ? TWO_HANDS : ONE_HAND;
      await Promise.all(
        hands.map((hand) =>
          inWorld(suite, mode, `kill-${mode}-${hand.name}`, [killTestScenario(ROOT)], async ([scene]) => {
            killedAt.push(...(await runKillTest(scene!, report, hand, chains)));
          }),
        ),
      );
      if (chains === '') judgeKills(ROOT, report, mode, killedAt);
    }
  };
  try {
    await Promise.all([playModes(), playKillTest()]);
  } finally {
    await parts.stop();
  }
  console.log(`e2e: ${report.describe()} in ${((performance.now() - startedAt) / 1000).toFixed(0)} s`);
  report.write(process.env['SLUICE_TEST_SUMMARY']);
  process.exitCode = report.failed > 0 ? 1 : 0;
}

interface Suite {
  readonly parts: Parts;
  readonly report: TestReport;
  /** Rejects when the program is asked to end. */
  readonly ended: Promise<never>;
}

/** Starts an installation, plays in it, and ends it; trouble with it counts as one failure. */
async function inWorld(
  { parts, report, ended }: Suite,
  mode: Mode,
  name: string,
  scenarios: readonly Scenario[],
  play: (scenes: readonly Scene[]) => Promise<void>,
): Promise<void> {
  const startedAt = performance.now();
  const failedBefore = report.failed;
  console.log(`e2e: starting ${name}`);
  try {
    const world = await startWorld(ROOT, mode, parts, name);
    try {
      await Promise.race([setUpScenes(world, scenarios).then(play), ended]);
    } finally {
      const keep = report.failed > failedBefore;
      if (keep) console.log(`e2e: logs and data stay in ${world.folder}`);
      await world.stop(keep);
    }
  } catch (error) {
    const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
    report.fail(`${name}: the installation`, (performance.now() - startedAt) / 1000, `  - ${why}`);
  }
}

function untilSignalled(): Promise<never> {
  const signalled = new Promise<never>((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.once(signal, () => reject(new Error(`the suite was ended by ${signal}`)));
  });
  signalled.catch(() => undefined);
  return signalled;
}

try {
  await main();
} catch (error) {
  console.error(`e2e: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
// What is ended in the middle leaves scenarios waiting for servers that are gone.
process.exit();
