import type { ASTNode } from '@marcbachmann/cel-js';
import { Environment } from '@marcbachmann/cel-js';
import { CONDITION_FUNCTIONS, CONDITION_METHODS } from './condition-scope.ts';

// Conditions are a subset of CEL. Macros (`exists`, `map`), `matches` and arithmetic are left out: without them no
// condition loops, none backtracks, and its cost is bounded by its length.

export const MAX_CONDITION_LENGTH = 1000;

const LIMITS = { maxAstNodes: 200, maxDepth: 24, maxListElements: 50, maxMapEntries: 0, maxCallArguments: 4 };

const OPERATORS: ReadonlySet<string> = new Set([
  'value',
  'id',
  '.',
  '[]',
  'list',
  'call',
  'rcall',
  '!_',
  '&&',
  '||',
  '==',
  '!=',
  '<',
  '<=',
  '>',
  '>=',
  'in',
]);

/** A place in the text of a condition, and what is wrong there. */
export interface ConditionProblem {
  readonly start: number;
  readonly message: string;
}

/** An environment without names of its own; conditions that build aggregates or call macros do not get through {@link outsideSubset}. */
export function newEnvironment(): Environment {
  return new Environment({ unlistedVariablesAreDyn: false, limits: LIMITS });
}

/** The first part that is CEL but not a condition of ours. */
export function outsideSubset(node: ASTNode): ConditionProblem | undefined {
  const no = (what: string, remedy: string): ConditionProblem => ({
    start: node.start,
    message: `${what} is not part of conditions; ${remedy}.`,
  });
  if (!OPERATORS.has(node.op))
    return no(`\`${node.op.replaceAll('_', '')}\``, 'compare values and join with `&&`, `||` and `!`');
  switch (node.op) {
    case 'value': {
      const kind = typeof node.args;
      return kind === 'string' || kind === 'boolean' || kind === 'bigint'
        ? undefined
        : no('This value', 'write text in quotes, a whole number, `true` or `false`');
    }
    case '[]': {
      const [, index] = node.args;
      return index.op === 'value' && typeof index.args === 'string'
        ? firstOf(childrenOf(node))
        : no('This index', 'write a name in quotes, such as `commit["end-to-end"]`');
    }
    case 'call':
      return CONDITION_FUNCTIONS.some((name) => name === node.args[0])
        ? firstOf(childrenOf(node))
        : no(`The function \`${node.args[0]}\``, 'the one function is `changed("pattern")`');
    case 'rcall':
      return CONDITION_METHODS.some((name) => name === node.args[0])
        ? firstOf(childrenOf(node))
        : no(`\`.${node.args[0]}()\``, 'text knows `.startsWith()`, `.endsWith()` and `.contains()`');
    default:
      return firstOf(childrenOf(node));
  }
}

/** The patterns that a condition asks `changed()` for, each with its place; undefined where it is not written out. */
export function changedPatterns(node: ASTNode): { readonly pattern: string | undefined; readonly start: number }[] {
  const below = childrenOf(node).flatMap(changedPatterns);
  if (node.op !== 'call' || node.args[0] !== 'changed') return below;
  const [argument] = node.args[1];
  if (argument === undefined) return below;
  const pattern = argument.op === 'value' && typeof argument.args === 'string' ? argument.args : undefined;
  return [{ pattern, start: argument.start }, ...below];
}

/** The names that lead to a node, outermost first: `commit.verify.status` gives three; undefined for anything else. */
export function pathOf(node: ASTNode): string[] | undefined {
  if (node.op === 'id') return [node.args];
  if (node.op === '.') return join(pathOf(node.args[0]), node.args[1]);
  if (node.op !== '[]') return undefined;
  const [left, index] = node.args;
  return index.op === 'value' && typeof index.args === 'string' ? join(pathOf(left), index.args) : undefined;
}

export function childrenOf(node: ASTNode): ASTNode[] {
  switch (node.op) {
    case 'value':
    case 'id':
      return [];
    case '.':
    case '.?':
      return [node.args[0]];
    case '!_':
    case '-_':
      return [node.args];
    case 'list':
      return node.args;
    case 'map':
      return node.args.flat();
    case 'call':
      return node.args[1];
    case 'rcall':
      return [node.args[1], ...node.args[2]];
    default:
      return [...node.args];
  }
}

function join(path: string[] | undefined, name: string): string[] | undefined {
  return path && [...path, name];
}

function firstOf(nodes: readonly ASTNode[]): ConditionProblem | undefined {
  for (const node of nodes) {
    const problem = outsideSubset(node);
    if (problem !== undefined) return problem;
  }
  return undefined;
}
