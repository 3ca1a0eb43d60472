import { FindingCollector } from './collect-findings.ts';
import type { Finding } from './definition.ts';
import type { Place } from './place.ts';
import { MAX_BYTES, parseYaml, readTree, reportSyntax } from './read-yaml.ts';
import type { RuleId } from './rules.ts';

const FIRST_PLACE = { line: 1, column: 1 };

type ReadText =
  | { readonly kind: 'read'; readonly value: unknown; readonly places: Place; readonly findings: FindingCollector }
  /** The findings say why. */
  | { readonly kind: 'unreadable'; readonly findings: FindingCollector };

/** A file of the author's as plain values with their places. `whenEmpty`: what an empty file is asked to hold. */
export function readText(text: string, file: string, whenEmpty: string): ReadText {
  if (typeof text !== 'string')
    return single('invalid-yaml', 'The definition is not text; give the content of a YAML file.', file);
  // One character is at least one byte, so a huge text is refused before it is encoded.
  const bytes = text.length > MAX_BYTES ? text.length : new TextEncoder().encode(text).length;
  if (bytes > MAX_BYTES) {
    return single(
      'file-too-large',
      `The file has more than ${MAX_BYTES / 1024} KiB; move long scripts into files of the repository and call them.`,
      file,
    );
  }
  const { document, position } = parseYaml(text);
  const findings = new FindingCollector(file, position);
  if (reportSyntax(document, findings)) return { kind: 'unreadable', findings };
  if (document.contents === null) return single('missing-key', `The file is empty; ${whenEmpty}.`, file);
  const { value, places, complete } = readTree(document, findings);
  if (!complete) return { kind: 'unreadable', findings };
  findings.placesAre(places);
  return { kind: 'read', value, places, findings };
}

/** Whatever a text holds, the answer is a value. */
export function orUnreadable<Checked extends { readonly findings: readonly Finding[] }>(
  file: string,
  check: () => Checked,
): Checked | { readonly findings: readonly Finding[] } {
  try {
    return check();
  } catch (trouble) {
    const why = trouble instanceof Error ? trouble.name : 'unknown trouble';
    const message = `The checker itself failed on this file (${why}), which is a fault of Sluice; report it with the file, and simplify the file until it passes.`;
    return { findings: single('unreadable', message, file).findings.list() };
  }
}

function single(rule: RuleId, message: string, file: string): Extract<ReadText, { kind: 'unreadable' }> {
  const findings = new FindingCollector(file, () => FIRST_PLACE);
  findings.error(rule, [], message);
  return { kind: 'unreadable', findings };
}
