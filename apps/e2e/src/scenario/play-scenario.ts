import { stepKinds } from '../steps/index.ts';
import { checkExpectation } from './check-expectation.ts';
import type { Scene } from './scene.ts';

export interface Outcome {
  readonly scene: Scene;
  readonly seconds: number;
  /** One sentence each; none = it came out as expected. */
  readonly differences: readonly string[];
}

/** Plays all steps and compares the end. A step that fails ends the scenario; nothing is thrown. */
export async function playScenario(scene: Scene): Promise<Outcome> {
  const startedAt = performance.now();
  const differences: string[] = [];
  try {
    for (const [index, { verb, input }] of scene.scenario.steps.entries()) {
      try {
        await stepKinds.get(verb)!.play(scene, input);
      } catch (error) {
        throw new Error(`step ${index + 1} (${verb}): ${error instanceof Error ? error.message : String(error)}`, {
          cause: error,
        });
      }
    }
    differences.push(...(await checkExpectation(scene, scene.scenario.expect)));
  } catch (error) {
    differences.push(error instanceof Error ? error.message : String(error));
  }
  await scene
    .end()
    .catch((error: unknown) => differences.push(`what the scenario changed could not be undone: ${String(error)}`));
  return { scene, seconds: (performance.now() - startedAt) / 1000, differences };
}
