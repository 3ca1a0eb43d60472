import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A row of the fault table of docs/reliability.md. */
export interface FaultRow {
  readonly id: string;
  /** Not shown by any test yet; the row says why. */
  readonly isOpen: boolean;
  /** Files that it names, from the top of the repository. */
  readonly files: readonly string[];
}

const ROW = /^\| (F\d\d) +\|(.*)\|$/gm;
const LINK = /\]\(\.\.\/([^)#]+)\)/g;
const ID = /\bF\d\d\b/g;

/** Titles stand in quotes behind these words; scenarios name their faults, chains of the kill test carry them in their names. */
const TITLE =
  /\b(?:it|test|describe)(?:\.each\((?:[^()]|\([^()]*\))*\)|\.\w+)*\(\s*(?:`[^`]*`|'(?:[^'\\]|\\.)*'|"[^"]*")|^\s*\['F\d\d[^\n]*|^faults: \[.*\]$|^\s*name: '.*',$/gm;

export function readFaultTable(root: string): readonly FaultRow[] {
  const text = readFileSync(join(root, 'docs/reliability.md'), 'utf8');
  return [...text.matchAll(ROW)].map(([, id = '', rest = '']) => ({
    id,
    isOpen: /\bnot yet\b/.test(rest),
    files: [...rest.matchAll(LINK)].map(([, path = '']) => path),
  }));
}

/** Fault ids in the titles of the tests of a file. */
export function faultsInTitles(root: string, path: string): ReadonlySet<string> {
  const titles = readFileSync(join(root, path), 'utf8').match(TITLE) ?? [];
  return new Set(titles.flatMap((title) => title.match(ID) ?? []));
}
