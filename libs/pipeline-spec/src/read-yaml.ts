import type { Document, Node, Pair, Scalar } from 'yaml';
import { isAlias, isMap, isPair, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import type { FindingCollector } from './collect-findings.ts';
import type { PathPart, Place } from './place.ts';
import { quote } from './place.ts';

export const MAX_BYTES = 256 * 1024;
export const MAX_ALIASES = 50;
export const MAX_EXPANDED_VALUES = 20_000;
export const MAX_DEPTH = 32;
const MAX_SYNTAX_FINDINGS = 20;

const CORE_TAGS: ReadonlySet<string> = new Set(
  ['str', 'int', 'float', 'bool', 'null', 'map', 'seq'].map((name) => `tag:yaml.org,2002:${name}`),
);
/** A plain object treats these specially; a mapping that holds one would not be the mapping that the author wrote. */
const RESERVED_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

export interface YamlTree {
  readonly value: unknown;
  readonly places: Place;
  /** False when reading stopped at a limit; what follows the limit is then missing from the tree. */
  readonly complete: boolean;
}

type Read = Pick<YamlTree, 'value' | 'places'>;

/** The document and how its offsets become lines; separate from {@link readTree} because findings need the lines first. */
export interface ParsedYaml {
  readonly document: Document.Parsed;
  readonly position: (offset: number) => { line: number; column: number };
}

/** Parses YAML 1.2, core schema. Trouble stands in `document.errors`; nothing is thrown for bad input. */
export function parseYaml(text: string): ParsedYaml {
  const lineCounter = new LineCounter();
  // The parser makes one Error per mistake, up to one per byte; without their stack traces that is several times faster.
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    const document = parseDocument(text, {
      lineCounter,
      version: '1.2',
      schema: 'core',
      merge: false,
      resolveKnownTags: false,
      stringKeys: true,
      // Compares every key with every other: too slow for 40,000 keys, so readTree looks for duplicates itself.
      uniqueKeys: false,
      prettyErrors: false,
      // `silent` would also hide that there is a second document.
      logLevel: 'error',
    });
    return {
      document,
      position: (offset) => {
        const { line, col } = lineCounter.linePos(Math.min(Math.max(0, offset), text.length));
        return { line: Math.max(1, line), column: Math.max(1, col) };
      },
    };
  } finally {
    Error.stackTraceLimit = limit;
  }
}

/** Adds the parser's own complaints; true when there are any, and then the tree is not worth reading. */
export function reportSyntax(document: Document.Parsed, findings: FindingCollector): boolean {
  const exhausted = document.errors.find((error) => error.code === 'RESOURCE_EXHAUSTION');
  if (exhausted !== undefined) {
    // Everything else that is said about such a file follows from it.
    findings.error('too-deep', [], `The file nests too deeply; write at most ${MAX_DEPTH} levels.`, {
      offset: exhausted.pos[0],
    });
    return true;
  }
  for (const error of document.errors.slice(0, MAX_SYNTAX_FINDINGS)) {
    const at = { offset: error.pos[0] };
    if (error.code === 'MULTIPLE_DOCS') {
      findings.error(
        'invalid-yaml',
        [],
        'The file holds more than one document; remove `---` and what follows it.',
        at,
      );
    } else if (error.code === 'NON_STRING_KEY') {
      findings.error('invalid-yaml', [], 'A key is a list, a mapping or an alias; write a plain word.', at);
    } else {
      const why = oneLine(error.message);
      findings.error(
        'invalid-yaml',
        [],
        `This is not valid YAML: ${why}; mend the line, its indentation or its quotes.`,
        at,
      );
    }
  }
  if (document.directives.yaml.explicit === true && document.directives.yaml.version !== '1.2') {
    findings.error('invalid-yaml', [], 'Only YAML 1.2 is read; remove the `%YAML` line.', { offset: 0 });
  }
  return document.errors.length > 0;
}

/** Turns the document into plain values and a tree of places of the same shape, with every alias expanded under a cap. */
export function readTree(document: Document.Parsed, findings: FindingCollector): YamlTree {
  return new TreeReader(findings).read(document.contents);
}

class TreeReader {
  readonly #findings: FindingCollector;
  readonly #anchors = new Map<string, Node>();
  readonly #open = new Set<Node>();
  #aliases = 0;
  #expanded = 0;
  #insideAlias = 0;
  #stopped = false;

  constructor(findings: FindingCollector) {
    this.#findings = findings;
  }

  read(contents: Node | null): YamlTree {
    const { value, places } = this.#node(contents, [], undefined);
    return { value, places, complete: !this.#stopped };
  }

  #node(node: Node | null, path: readonly PathPart[], keyOffset: number | undefined): Read {
    const offset = node?.range?.[0] ?? keyOffset ?? 0;
    const children = new Map<string, Place>();
    const place = { offset, end: node?.range?.[1] ?? offset, children, ...(keyOffset !== undefined && { keyOffset }) };
    if (node === null || this.#stopped) return { value: null, places: place };
    if (this.#insideAlias > 0 && ++this.#expanded > MAX_EXPANDED_VALUES) {
      this.#stop(
        'alias-limit',
        path,
        `The aliases of this file expand to more than ${MAX_EXPANDED_VALUES} values; write fewer of them.`,
        offset,
      );
      return { value: null, places: place };
    }
    if (path.length > MAX_DEPTH) {
      this.#stop('too-deep', path, `The file nests too deeply; write at most ${MAX_DEPTH} levels.`, offset);
      return { value: null, places: place };
    }
    if (isAlias(node)) return this.#alias(node.source, path, place);
    const { anchor, tag } = node as { anchor?: string; tag?: string };
    if (anchor !== undefined && this.#insideAlias === 0) this.#anchors.set(anchor, node);
    if (tag !== undefined && !CORE_TAGS.has(tag)) {
      this.#findings.error('custom-tag', path, `The tag ${quote(tag)} is refused; remove it and write a plain value.`, {
        offset,
      });
    }
    if (isScalar(node)) {
      const value = plainValue(node);
      if (typeof value === 'string') this.#refuseBroken(value, path, offset);
      return { value, places: { ...place, source: node.source ?? '' } };
    }
    this.#open.add(node);
    const value = isMap(node)
      ? this.#map(node.items, path, children)
      : isSeq(node)
        ? this.#list(node.items, path, children)
        : null;
    this.#open.delete(node);
    return { value, places: place };
  }

  #alias(name: string, path: readonly PathPart[], place: Place): Read {
    const none = { value: null, places: place };
    if (this.#insideAlias === 0 && ++this.#aliases > MAX_ALIASES) {
      this.#stop(
        'alias-limit',
        path,
        `The file has more than ${MAX_ALIASES} aliases; write the values out.`,
        place.offset,
      );
      return none;
    }
    const target = this.#anchors.get(name);
    if (target === undefined) {
      this.#findings.error(
        'invalid-yaml',
        path,
        `The alias ${quote(name)} has no anchor before it; write the value out.`,
        { offset: place.offset },
      );
      return none;
    }
    if (this.#open.has(target)) {
      this.#stop('alias-limit', path, `The alias ${quote(name)} contains itself; write the value out.`, place.offset);
      return none;
    }
    this.#insideAlias++;
    const { value, places } = this.#node(target, path, place.keyOffset);
    this.#insideAlias--;
    // Where the author used the value, not where the anchor stands; what is inside keeps its own place.
    return { value, places: { ...places, offset: place.offset, end: place.end } };
  }

  #map(items: readonly Pair[], path: readonly PathPart[], children: Map<string, Place>): Record<string, unknown> {
    const map: Record<string, unknown> = {};
    const seen = new Set<string>();
    for (const item of items) {
      const keyNode = item.key as Scalar | null;
      const key = isScalar(keyNode) ? String(plainValue(keyNode) ?? '') : '';
      const keyOffset = keyNode?.range?.[0] ?? (item.value as Node | null)?.range?.[0] ?? 0;
      this.#refuseBroken(key, path, keyOffset);
      const keyPath = [...path, key];
      const tag = (keyNode as { tag?: string } | null)?.tag;
      if (tag !== undefined && !CORE_TAGS.has(tag)) {
        this.#findings.error('custom-tag', keyPath, `The tag ${quote(tag)} is refused; remove it.`, {
          offset: keyOffset,
        });
      }
      const anchor = (keyNode as { anchor?: string } | null)?.anchor;
      if (anchor !== undefined && keyNode !== null && this.#insideAlias === 0) this.#anchors.set(anchor, keyNode);
      const { value, places } = this.#node(item.value as Node | null, keyPath, keyOffset);
      if (key === '<<') {
        this.#findings.error('merge-key', keyPath, 'Merge keys (`<<`) are refused; write the keys out.', {
          offset: keyOffset,
        });
      } else if (RESERVED_KEYS.has(key)) {
        this.#findings.error('reserved-key', keyPath, `${quote(key)} is not accepted as a key; choose another name.`, {
          offset: keyOffset,
        });
      } else if (seen.has(key)) {
        this.#findings.error(
          'duplicate-key',
          keyPath,
          `${quote(key)} stands twice in this mapping; keep one of them.`,
          { offset: keyOffset },
        );
      } else {
        seen.add(key);
        map[key] = value;
        children.set(key, places);
      }
    }
    return map;
  }

  #list(items: readonly unknown[], path: readonly PathPart[], children: Map<string, Place>): unknown[] {
    return items.map((item, index) => {
      // `[a: 1]` is a list that holds a pair, which YAML reads as a mapping of one key.
      const read = isPair(item)
        ? this.#pairAsMap(item, [...path, index])
        : this.#node(item as Node | null, [...path, index], undefined);
      children.set(String(index), read.places);
      return read.value;
    });
  }

  #pairAsMap(pair: Pair, path: readonly PathPart[]): Read {
    const offset = (pair.key as Node | null)?.range?.[0] ?? 0;
    const children = new Map<string, Place>();
    return { value: this.#map([pair], path, children), places: { offset, end: offset, children } };
  }

  /** What no database and no environment can hold. It comes by escapes such as `"\\0"`, or as it is. */
  #refuseBroken(text: string, path: readonly PathPart[], offset: number): void {
    if (!text.includes('\0') && text.isWellFormed()) return;
    this.#findings.error('invalid-yaml', path, 'This text holds NUL or half of a character; leave it out.', { offset });
  }

  #stop(rule: 'alias-limit' | 'too-deep', path: readonly PathPart[], message: string, offset: number): void {
    if (!this.#stopped) this.#findings.error(rule, path, message, { offset });
    this.#stopped = true;
  }
}

/** The core schema knows text, numbers, booleans and null; whatever else a tag makes is taken as the text it was written as. */
function plainValue(node: Scalar): string | number | boolean | null {
  const { value } = node;
  if (typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number' || value === null)
    return value;
  return node.source ?? '';
}

/** The parser's sentence, which may quote the author: on one line, without control characters, unfinished at its end. */
function oneLine(message: string): string {
  const first = message.split('\n')[0] ?? '';
  // oxlint-disable-next-line no-control-regex -- control characters are what is taken out
  return first
    .slice(0, 200)
    .toWellFormed()
    .replace(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]+/g, ' ')
    .replace(/[.:\s]+$/, '');
}
