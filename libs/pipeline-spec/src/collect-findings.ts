import type { Finding } from './definition.ts';
import type { PathPart, Place } from './place.ts';
import { placeAt, showPath } from './place.ts';
import type { RuleId } from './rules.ts';

export const MAX_FINDINGS = 500;

export type At = 'key' | 'value' | { readonly offset: number };

/** Collects the findings of one file. Offsets become lines and columns here, and nowhere else. */
export class FindingCollector {
  readonly #found: Finding[] = [];
  readonly #file: string;
  readonly #position: (offset: number) => { line: number; column: number };
  #root: Place | undefined;
  #seen = new Set<string>();

  constructor(file: string, position: (offset: number) => { line: number; column: number }) {
    this.#file = file;
    this.#position = position;
  }

  placesAre(root: Place): void {
    this.#root = root;
  }

  error(rule: RuleId, path: readonly PathPart[], message: string, at: At = 'value'): void {
    this.#add('error', rule, path, message, at);
  }

  warning(rule: RuleId, path: readonly PathPart[], message: string, at: At = 'value'): void {
    this.#add('warning', rule, path, message, at);
  }

  get hasErrors(): boolean {
    return this.#found.some((finding) => finding.severity === 'error');
  }

  /** In the order of the file, at most {@link MAX_FINDINGS}; errors are kept before warnings. */
  list(): readonly Finding[] {
    const inFileOrder = (a: Finding, b: Finding): number =>
      a.line - b.line || a.column - b.column || (a.rule < b.rule ? -1 : a.rule > b.rule ? 1 : 0);
    if (this.#found.length <= MAX_FINDINGS) return [...this.#found].sort(inFileOrder);
    const bySeverity = [...this.#found].sort((a, b) =>
      a.severity === b.severity ? inFileOrder(a, b) : a.severity === 'error' ? -1 : 1,
    );
    const kept = bySeverity.slice(0, MAX_FINDINGS - 1).sort(inFileOrder);
    const left = this.#found.length - kept.length;
    const severity = bySeverity[MAX_FINDINGS - 1]?.severity ?? 'error';
    const message = `At least ${left} more findings are not listed: mend these first and check again.`;
    return [...kept, this.#finding(severity, 'too-many-findings', [], message, 0)];
  }

  #add(severity: Finding['severity'], rule: RuleId, path: readonly PathPart[], message: string, at: At): void {
    const finding = this.#finding(severity, rule, path, message, this.#offset(path, at));
    // An anchor that is used twice would report each of its mistakes once per use at the same place.
    const identity = `${rule}\0${finding.line}\0${finding.column}\0${message}`;
    if (this.#seen.has(identity)) return;
    this.#seen.add(identity);
    this.#found.push(finding);
  }

  #offset(path: readonly PathPart[], at: At): number {
    if (typeof at === 'object') return at.offset;
    if (this.#root === undefined) return 0;
    const place = placeAt(this.#root, path);
    return at === 'key' ? (place.keyOffset ?? place.offset) : place.offset;
  }

  #finding(
    severity: Finding['severity'],
    rule: RuleId,
    path: readonly PathPart[],
    message: string,
    offset: number,
  ): Finding {
    const docs = `docs/reference/definition.md#${rule}`;
    return { severity, rule, message, file: this.#file, ...this.#position(offset), path: showPath(path), docs };
  }
}
