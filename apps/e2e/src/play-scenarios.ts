import { playScenario } from './scenario/play-scenario.ts';
import type { Scene } from './scenario/scene.ts';
import { failureReport } from './report/failure-report.ts';
import type { TestReport } from './report/test-report.ts';

/** Scenarios that play side by side: they mostly wait for containers. */
const SIDE_BY_SIDE = 3;

/** Plays scenarios of one world: those that take nothing down side by side, the rest alone. */
export async function playScenarios(scenes: readonly Scene[], report: TestReport): Promise<void> {
  const waiting = scenes.filter(({ scenario }) => !scenario.exclusive);
  // What waits for a lease to end takes longest: it begins first.
  waiting.sort((a, b) => Number(b.scenario.ownRunner !== false) - Number(a.scenario.ownRunner !== false));
  const worker = async () => {
    for (let scene = waiting.shift(); scene !== undefined; scene = waiting.shift()) await play(scene, report);
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, worker));
  for (const scene of scenes.filter(({ scenario }) => scenario.exclusive)) await play(scene, report);
}

async function play(scene: Scene, report: TestReport): Promise<void> {
  const { world, scenario } = scene;
  const name = `${world.mode}: ${scenario.name}: ${scenario.title}${scenario.faults.length > 0 ? ` (${scenario.faults.join(', ')})` : ''}`;
  const outcome = await playScenario(scene);
  if (outcome.differences.length === 0) report.pass(name, outcome.seconds);
  else report.fail(name, outcome.seconds, await failureReport(outcome));
}
