import { XMLParser, XMLValidator } from 'fast-xml-parser';

export interface TestCase {
  readonly suite: string;
  readonly name: string;
  readonly status: 'passed' | 'failed' | 'skipped';
  readonly seconds: number;
  /** Why it failed or was skipped, shortened. */
  readonly message: string | null;
}

export type ParsedReport =
  | { readonly kind: 'cases'; readonly cases: readonly TestCase[] }
  | { readonly kind: 'refused'; readonly message: string };

const MOST_CASES = 50_000;
const MOST_DEPTH = 30;
const NAME_LENGTH = 500;
const MESSAGE_LENGTH = 8_000;

type Node = Record<string, unknown>;

/**
 * JUnit XML as the common tools write it: `testsuites`, nested `testsuite`, `testcase` with `failure`, `error` or
 * `skipped`. Declarations of entities are refused before parsing: a report needs none, and a bomb is made of them.
 */
export function parseJunit(xml: string): ParsedReport {
  if (/<!(DOCTYPE|ENTITY)/i.test(xml)) return refused('it declares a document type or entities, which reports may not');
  if (deepest(xml) > MOST_DEPTH) return refused(`its elements are nested more than ${MOST_DEPTH} deep`);
  const valid = XMLValidator.validate(xml);
  if (valid !== true) return refused(`line ${valid.err.line}, column ${valid.err.col}: ${valid.err.msg}`);
  const parser = new XMLParser({
    ignoreAttributes: false,
    attributeNamePrefix: '@',
    processEntities: false,
    parseTagValue: false,
    parseAttributeValue: false,
    removeNSPrefix: true,
    isArray: (name) => ['testsuite', 'testcase', 'failure', 'error', 'skipped'].includes(name),
  });
  let root: Node;
  try {
    root = parser.parse(xml) as Node;
  } catch (error) {
    return refused((error as Error).message.slice(0, 200));
  }
  const cases: TestCase[] = [];
  // Node's own reporter puts cases outside a suite right below `testsuites`, so that element is read like a suite.
  const suites = [...nodes(root['testsuites']), ...nodes(root['testsuite'])];
  if (root['testsuites'] === undefined && root['testsuite'] === undefined)
    return refused('it has no testsuites and no testsuite element');
  for (const suite of suites)
    if (!collect(suite, '', cases)) return refused(`it has more than ${MOST_CASES} test cases`);
  return { kind: 'cases', cases };
}

function collect(suite: Node, outer: string, cases: TestCase[]): boolean {
  const name = text(suite['@name']) || outer;
  for (const testcase of nodes(suite['testcase'])) {
    if (cases.length >= MOST_CASES) return false;
    cases.push(caseOf(testcase, name));
  }
  return nodes(suite['testsuite']).every((inner) => collect(inner, name, cases));
}

function caseOf(testcase: Node, suite: string): TestCase {
  const bad = firstOf(testcase['failure']) ?? firstOf(testcase['error']);
  const skipped = firstOf(testcase['skipped']);
  const seconds = Number(text(testcase['@time']).replaceAll(',', ''));
  return {
    suite: shorten(suite || text(testcase['@classname']), NAME_LENGTH),
    name: shorten(text(testcase['@name']) || '(no name)', NAME_LENGTH),
    status: bad !== undefined ? 'failed' : skipped !== undefined ? 'skipped' : 'passed',
    seconds: Number.isFinite(seconds) && seconds >= 0 ? seconds : 0,
    message: bad !== undefined ? messageOf(bad) : skipped !== undefined ? messageOf(skipped) : null,
  };
}

/** The message attribute is often the first line of the text. */
function messageOf(element: unknown): string | null {
  if (typeof element !== 'object' || element === null) return shorten(text(element), MESSAGE_LENGTH) || null;
  const [message, body] = [text((element as Node)['@message']), text((element as Node)['#text'])];
  const whole = body.includes(message) ? body : message && body ? `${message}\n${body}` : message || body;
  return shorten(whole.trim(), MESSAGE_LENGTH) || null;
}

function nodes(value: unknown): Node[] {
  const all = Array.isArray(value) ? value : [value];
  return all.filter((node): node is Node => typeof node === 'object' && node !== null);
}

function firstOf(value: unknown): unknown {
  return Array.isArray(value) ? value[0] : value;
}

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** Only the five entities of XML itself and character numbers; NUL cannot be stored as text. */
function text(value: unknown): string {
  const raw = typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '';
  return raw
    .replace(
      /&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|(amp|lt|gt|quot|apos));/gi,
      (whole, decimal: string, hex: string, name: string) => {
        if (name) return ENTITIES[name.toLowerCase()] ?? whole;
        const point = decimal ? Number(decimal) : Number.parseInt(hex, 16);
        return point <= 0x10ffff && (point < 0xd800 || point > 0xdfff) ? String.fromCodePoint(point) : '\ufffd';
      },
    )
    .replaceAll('\0', '\ufffd');
}

function shorten(value: string, length: number): string {
  return value.length <= length ? value : `${value.slice(0, length - 1)}…`;
}

/**
 * Deepest nesting, counted in one pass and before anything else, so that a report can exhaust neither the stack of the
 * parser nor its time.
 */
function deepest(xml: string): number {
  let depth = 0;
  let most = 0;
  for (let at = xml.indexOf('<'); at !== -1; at = xml.indexOf('<', at)) {
    const special = SPECIAL.find(([open]) => xml.startsWith(open, at));
    if (special) {
      const end = xml.indexOf(special[1], at);
      if (end === -1) return most;
      at = end + special[1].length;
      continue;
    }
    const end = endOfTag(xml, at);
    if (xml[at + 1] === '/') depth -= 1;
    else if (xml[end - 1] !== '/') most = Math.max(most, (depth += 1));
    at = end;
  }
  return most;
}

const SPECIAL = [
  ['<!--', '-->'],
  ['<![CDATA[', ']]>'],
  ['<?', '?>'],
] as const;

/** A `>` inside quotes does not end a tag. */
function endOfTag(xml: string, start: number): number {
  let quote = '';
  for (let at = start + 1; at < xml.length; at += 1) {
    const sign = xml[at]!;
    if (quote) quote = sign === quote ? '' : quote;
    else if (sign === '>') return at;
    else if (sign === '"' || sign === "'") quote = sign;
  }
  return xml.length;
}

function refused(why: string): ParsedReport {
  return { kind: 'refused', message: `The file is no JUnit XML report: ${why}.` };
}
