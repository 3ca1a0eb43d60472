import type { ConditionValue, InputSpec } from '@sluice/pipeline-spec';
import { invalid } from '../../platform/http/problem.ts';

const LONGEST_TEXT = 1000;

/** The inputs that a person chose, checked against those that the definition declares. Throws 422 with one sentence per bad input. */
export function chosenInputs(
  declared: Readonly<Record<string, InputSpec>>,
  chosen: Readonly<Record<string, ConditionValue>>,
): Record<string, ConditionValue> {
  const problems: { readonly code: 'unknown-input' | 'bad-input'; readonly message: string }[] = [];
  for (const [name, value] of Object.entries(chosen)) {
    const spec = Object.hasOwn(declared, name) ? declared[name] : undefined;
    if (!spec) {
      const known = Object.keys(declared).join(', ') || 'none';
      const message = `inputs.${name}: the definition declares no such input; it has ${known}.`;
      problems.push({ code: 'unknown-input', message });
      continue;
    }
    const remedy = problemOf(spec, value);
    if (remedy !== undefined) problems.push({ code: 'bad-input', message: `inputs.${name}: ${remedy}` });
  }
  const [first] = problems;
  if (first) throw invalid(problems.map(({ message }) => message).join(' '), first.code);
  return { ...chosen };
}

function problemOf(spec: InputSpec, value: ConditionValue): string | undefined {
  switch (spec.type) {
    case 'number':
      return Number.isSafeInteger(value) ? undefined : 'give a whole number.';
    case 'boolean':
      return typeof value === 'boolean' ? undefined : 'give true or false.';
    case 'choice':
      return spec.options.includes(String(value)) ? undefined : `choose one of ${spec.options.join(', ')}.`;
    case 'text':
      return typeof value === 'string' && value.length <= LONGEST_TEXT && !value.includes('\0')
        ? undefined
        : `give text of at most ${LONGEST_TEXT} characters.`;
  }
}
