import type { FindingCollector } from './collect-findings.ts';
import type { LooseMap } from './loose-tree.ts';
import { asMap, entriesOf, membersOf } from './loose-tree.ts';
import { quote } from './place.ts';

const INPUT = /^[a-z][a-z0-9_]{0,30}$/;

/** Inputs of a manual run: names, and defaults that fit their types. */
export function checkInputs(root: LooseMap, findings: FindingCollector): void {
  const manual = asMap(asMap(root['on'])?.['manual']);
  for (const { name, value, path } of membersOf(manual?.['inputs'], ['on', 'manual', 'inputs'])) {
    if (!INPUT.test(name)) {
      const message = `${quote(name)} is not a name of an input; write 1 to 31 of \`a-z\`, \`0-9\`, \`_\`, beginning with a letter.`;
      findings.error('bad-name', path, message, 'key');
    }
    const input = asMap(value);
    if (input === undefined) continue;
    const { type = 'text', default: given } = input;
    const options = entriesOf(input['options'], []).map((option) => option.value);
    if ((type === 'choice') !== options.length > 0) {
      const message =
        type === 'choice'
          ? 'A choice needs its `options`; list them.'
          : '`options` belong to `type: choice`; write that type, or remove them.';
      findings.error('bad-input', [...path, type === 'choice' ? 'type' : 'options'], message);
      continue;
    }
    const problem = given === undefined ? undefined : unfit(type, given, options);
    if (problem !== undefined) findings.error('bad-input', [...path, 'default'], problem);
  }
}

function unfit(type: unknown, given: unknown, options: readonly unknown[]): string | undefined {
  switch (type) {
    case 'number':
      return Number.isSafeInteger(given) ? undefined : 'The default of a number must be a whole number.';
    case 'boolean':
      return typeof given === 'boolean' ? undefined : 'The default must be `true` or `false`.';
    case 'choice':
      return options.includes(given)
        ? undefined
        : `The default must be one of ${options
            .filter((one) => typeof one === 'string')
            .map(quote)
            .join(', ')}.`;
    default:
      return typeof given === 'string' ? undefined : 'The default must be text; put it in quotes.';
  }
}
