import { evaluateCondition } from '@sluice/pipeline-spec';
import type { StepsWork } from '../executor/executor.port.ts';

export interface StepMoment {
  /** A step before has failed. */
  readonly failed: boolean;
  readonly facts: StepsWork['facts'];
  /** What the steps before have written; each declared name is there. */
  readonly outputs: Readonly<Record<string, string>>;
}

/** Whether the turn of a step has come. Throws `ConditionError`: the server let a condition through that cannot be decided. */
export function stepIsDue(
  step: Pick<StepsWork['steps'][number], 'when' | 'if'>,
  { failed, facts, outputs }: StepMoment,
): boolean {
  const { when = 'success' } = step;
  if ((when === 'success' && failed) || (when === 'failure' && !failed)) return false;
  if (step.if === undefined) return true;
  return evaluateCondition(step.if, { ...(facts ?? NO_FACTS), outputs });
}

const NO_FACTS = {
  event: '',
  branch: '',
  tag: '',
  changed: {},
  inputs: {},
  matrix: {},
  jobs: { commit: {}, build: {}, test: {} },
};
