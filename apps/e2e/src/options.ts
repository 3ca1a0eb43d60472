import { parseArgs } from 'node:util';
import { MODES, type Mode } from './world/stores.ts';

export const SUITES = ['scenarios', 'kill-test', 'browser'] as const;
export type Suite = (typeof SUITES)[number];

export interface Options {
  readonly modes: readonly Mode[];
  readonly suites: readonly Suite[];
  /** Parts of the names of the scenarios to play, separated by commas. */
  readonly filter: string;
  /** Parts of the names of the chains that the kill test plays, separated by commas. */
  readonly chains: string;
}

/** `[--mode standalone|distributed] [--suite scenarios|kill-test|browser] [--chain name] [filter]`; a filter narrows down to scenarios. Throws one sentence. */
export function readOptions(args: readonly string[]): Options {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      mode: { type: 'string', multiple: true },
      suite: { type: 'string', multiple: true },
      chain: { type: 'string', default: '' },
    },
  });
  if (positionals.length > 1) throw new Error(`One filter is enough, not ${positionals.join(' ')}.`);
  const [filter = ''] = positionals;
  return {
    chains: values.chain,
    modes: chosen('mode', values.mode, MODES),
    suites: chosen(
      'suite',
      values.suite,
      filter === '' ? SUITES : ['scenarios', ...SUITES.filter((suite) => values.suite?.includes(suite))],
    ),
    filter,
  };
}

function chosen<T extends string>(what: string, named: readonly string[] | undefined, all: readonly T[]): readonly T[] {
  const unknown = named?.find((name) => !(all as readonly string[]).includes(name));
  if (unknown !== undefined) throw new Error(`There is no ${what} ${unknown}; write ${all.join(' or ')}.`);
  return all.filter((one) => named === undefined || named.includes(one));
}
