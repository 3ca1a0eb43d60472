import type { ASTNode } from '@marcbachmann/cel-js';
import { ParseError } from '@marcbachmann/cel-js';
import type { ConditionScope, ConditionType } from './condition-scope.ts';
import type { ConditionProblem } from './condition-syntax.ts';
import { changedPatterns, MAX_CONDITION_LENGTH, newEnvironment, outsideSubset, pathOf } from './condition-syntax.ts';
import { patternProblem } from './match-pattern.ts';
import { quote } from './place.ts';
import { didYouMean } from './suggest-name.ts';

/** What is wrong with a condition; undefined when it can be decided in this scope whatever the facts are. */
export function conditionProblem(text: string, scope: ConditionScope): ConditionProblem | undefined {
  // Declaring two hundred jobs costs far more than checking a line that names one of them; only a mistake needs them all.
  const small = { ...scope, names: mentionedIn(text, scope.names) };
  return checkIn(text, small) === undefined ? undefined : checkIn(text, scope);
}

function mentionedIn(text: string, names: ConditionScope['names']): ConditionScope['names'] {
  return Object.fromEntries(
    Object.entries(names)
      .filter(([name]) => text.includes(name))
      .map(([name, type]) => [name, typeof type === 'string' ? type : mentionedIn(text, type)]),
  );
}

function checkIn(text: string, scope: ConditionScope): ConditionProblem | undefined {
  if (text.trim() === '') return { start: 0, message: 'It is empty; write a condition, or remove `if`.' };
  if (text.length > MAX_CONDITION_LENGTH) {
    return { start: 0, message: `It has more than ${MAX_CONDITION_LENGTH} characters; write a shorter condition.` };
  }
  const environment = newEnvironment().registerFunction('changed(string): bool', () => false);
  for (const [name, type] of Object.entries(scope.names)) {
    if (typeof type === 'string') environment.registerVariable(name, CEL_TYPES[type]);
    else if (Object.keys(schemaOf(type)).length > 0) environment.registerVariable({ name, schema: schemaOf(type) });
  }
  let parsed;
  try {
    parsed = environment.parse(text);
  } catch (error) {
    return unreadable(text, error);
  }
  const outside = outsideSubset(parsed.ast);
  if (outside !== undefined) return outside;
  for (const { pattern, start } of changedPatterns(parsed.ast)) {
    if (pattern === undefined)
      return { start, message: '`changed()` takes a pattern in quotes, such as `changed("docs/**")`.' };
    const wrong = patternProblem(pattern);
    if (wrong !== undefined) return { start, message: `The pattern ${quote(pattern)} is refused: ${wrong}.` };
  }
  const checked = parsed.check();
  if (!checked.valid) return mismatch(checked.error, scope);
  if (checked.type === 'bool') return undefined;
  return {
    start: parsed.ast.start,
    message: `It gives ${words(checked.type ?? 'names')}, not true or false; compare it, such as \`branch == "main"\`.`,
  };
}

const CEL_TYPES = { text: 'string', number: 'int', boolean: 'bool' } as const;

type Schema = { [name: string]: string | Schema };

/** Names that the file got wrong have findings of their own and are left out here. */
function schemaOf(type: { readonly [name: string]: ConditionType }): Schema {
  return Object.fromEntries(
    Object.entries(type)
      .filter(([name]) => /^[A-Za-z0-9_][A-Za-z0-9_-]{0,62}$/.test(name))
      .map(([name, below]) => [name, typeof below === 'string' ? CEL_TYPES[below] : schemaOf(below)]),
  );
}

function unreadable(text: string, error: unknown): ConditionProblem {
  if (!(error instanceof ParseError)) return { start: 0, message: 'It cannot be read; write a simpler condition.' };
  const start = error.range?.start ?? 0;
  if (error.code.startsWith('max_') || /exceed/i.test(error.summary))
    return { start, message: 'It is too large or nests too deeply; write a simpler condition.' };
  if (/\bnot\b|\band\b|\bor\b/.test(text))
    return { start, message: `${said(error)}; write \`!\`, \`&&\` and \`||\` for not, and, or.` };
  if (/[^=!<>]=[^=]/.test(text)) return { start, message: `${said(error)}; write \`==\` to compare.` };
  return { start, message: `${said(error)}; write a condition such as \`branch == "main"\`.` };
}

function said(error: ParseError): string {
  return `It cannot be read: ${error.summary.replace('EOF', 'the end').replace(/^./, (first) => first.toLowerCase())}`;
}

type CheckError = {
  readonly code: string;
  readonly summary: string;
  readonly node?: unknown;
  readonly range?: { start: number };
};

function mismatch(error: CheckError | undefined, scope: ConditionScope): ConditionProblem {
  const start = error?.range?.start ?? 0;
  const path = isNode(error?.node) ? pathOf(error.node) : undefined;
  if (path !== undefined && (error?.code === 'unknown_variable' || error?.code === 'no_such_key')) {
    return { start, message: unknownName(path, scope) };
  }
  return { start, message: `It compares or joins what does not fit: ${words(error?.summary ?? 'unknown trouble')}.` };
}

function unknownName(path: readonly string[], scope: ConditionScope): string {
  const shown = path.join('.');
  const absent = scope.absent.get(shown);
  if (absent !== undefined) return absent;
  const above = path.slice(0, -1);
  let known: ConditionType = scope.names;
  for (const name of above) known = (typeof known === 'string' ? undefined : known[name]) ?? {};
  const names = typeof known === 'string' ? [] : Object.keys(known);
  const where = above.length === 0 ? 'a condition' : `\`${above.join('.')}\``;
  const list = names.length === 0 ? 'nothing' : names.map((name) => `\`${name}\``).join(', ');
  return `${quote(shown)} does not exist; ${where} knows ${list}.${didYouMean(path.at(-1) ?? '', names)}`;
}

function words(text: string): string {
  return text
    .replace(/\bstring\b/g, 'text')
    .replace(/\bint\b/g, 'a number')
    .replace(/\bbool\b/g, 'true or false')
    .replace(/^n?o such overload: /i, '')
    .replace(/\$[\w.]+/g, 'names');
}

function isNode(node: unknown): node is ASTNode {
  return typeof node === 'object' && node !== null && 'op' in node && 'args' in node;
}
