import { expectation } from '../scenario/expected-run.ts';
import { checkExpectation } from '../scenario/check-expectation.ts';
import { stepKind } from './step-kind.ts';

/** Compares at this point of the scenario; leftovers are looked for only when asked, since jobs may be running. */
export const check = stepKind(
  'check',
  expectation.extend({ noLeftovers: expectation.shape.noLeftovers.removeDefault().default(false) }),
  async (scene, expected) => {
    const differences = await checkExpectation(scene, expected);
    if (differences.length > 0) throw new Error(differences.join('; '));
  },
);
