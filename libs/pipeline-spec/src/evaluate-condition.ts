import type { ConditionFacts, ConditionValue } from './condition-scope.ts';
import { newEnvironment, outsideSubset, changedPatterns } from './condition-syntax.ts';

/** A stored condition that does not fit its facts; the check of the definition rules it out, so it is trouble of ours. */
export class ConditionError extends Error {
  override readonly name = 'ConditionError';
}

/** Decides a condition that `checkDefinition` let through. Throws {@link ConditionError}; costs at most its length. */
export function evaluateCondition(text: string, facts: ConditionFacts): boolean {
  try {
    const environment = newEnvironment().registerFunction(
      'changed(string): bool',
      // A pattern that nobody looked up counts as changed: rather one job too many than one too few.
      (pattern: string) => (Object.hasOwn(facts.changed, pattern) ? facts.changed[pattern] === true : true),
    );
    const values = valuesOf(facts);
    for (const [name, value] of Object.entries(values))
      environment.registerVariable(name, typeof value === 'string' ? 'string' : 'map');
    const parsed = environment.parse(text);
    const outside = outsideSubset(parsed.ast);
    if (outside !== undefined) throw new ConditionError(outside.message);
    const result: unknown = parsed(values);
    if (typeof result !== 'boolean') throw new ConditionError(`it gives ${typeof result}`);
    return result;
  } catch (error) {
    const why = error instanceof Error ? error.message.split('\n')[0] : 'unknown trouble';
    throw new ConditionError(`The condition ${JSON.stringify(text)} could not be decided: ${why}.`, { cause: error });
  }
}

/** The patterns of `changed()` in a condition, without repetition. */
export function patternsOfCondition(text: string): string[] {
  const { ast } = newEnvironment()
    .registerFunction('changed(string): bool', () => false)
    .parse(text);
  return [...new Set(changedPatterns(ast).flatMap(({ pattern }) => (pattern === undefined ? [] : [pattern])))];
}

type CelValue = string | bigint | boolean | Map<string, CelValue>;

/** Maps, never objects: names of a definition must not meet what every object inherits. */
function valuesOf(facts: ConditionFacts): Record<string, CelValue> {
  return {
    event: facts.event,
    branch: facts.branch,
    tag: facts.tag,
    inputs: mapOf(facts.inputs, celValue),
    matrix: mapOf(facts.matrix, celValue),
    ...Object.fromEntries(
      (['commit', 'build', 'test'] as const).map((stage) => [
        stage,
        mapOf(
          facts.jobs[stage],
          (job) =>
            new Map<string, CelValue>([
              ['status', job.status],
              ['outputs', mapOf(job.outputs, celValue)],
            ]),
        ),
      ]),
    ),
    ...(facts.outputs && { outputs: mapOf(facts.outputs, celValue) }),
  };
}

function mapOf<In>(record: Readonly<Record<string, In>>, change: (value: In) => CelValue): Map<string, CelValue> {
  return new Map(Object.entries(record).map(([name, value]) => [name, change(value)]));
}

function celValue(value: ConditionValue): CelValue {
  return typeof value === 'number' ? BigInt(Math.trunc(value)) : value;
}
