import { failureReport } from '../report/failure-report.ts';
import type { TestReport } from '../report/test-report.ts';
import type { Scene } from '../scenario/scene.ts';

/** Counts a way through the pages as one test; `walk` gives one sentence for each thing that is wrong. */
export async function judgeWalk(
  scene: Scene,
  report: TestReport,
  what: string,
  walk: (scene: Scene) => Promise<string[]>,
): Promise<void> {
  const startedAt = performance.now();
  const name = `${scene.world.mode}: browser: ${what}`;
  const differences = await walk(scene).catch((error: unknown) => [
    error instanceof Error ? error.message : String(error),
  ]);
  const seconds = (performance.now() - startedAt) / 1000;
  if (differences.length === 0) report.pass(name, seconds);
  else report.fail(name, seconds, await failureReport({ scene, seconds, differences }));
}
