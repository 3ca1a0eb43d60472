import { z } from 'zod';
import type { At, FindingCollector } from './collect-findings.ts';
import { MAX_FINDINGS } from './collect-findings.ts';
import { fragmentSchema, RULE_SEPARATOR } from './file-schema.ts';
import type { PathPart } from './place.ts';
import { quote, showPath } from './place.ts';
import type { RuleId } from './rules.ts';
import { isRuleId } from './rules.ts';
import { didYouMean } from './suggest-name.ts';

/** Keys that would give a job powers over its runner's machine. They get an answer of their own, not "unknown". */
const POWER_KEYS: ReadonlySet<string> = new Set([
  'privileged',
  'volumes',
  'volume',
  'mounts',
  'network',
  'network_mode',
  'networks',
  'pid',
  'ipc',
  'uts',
  'userns',
  'userns_mode',
  'devices',
  'device',
  'cap_add',
  'capabilities',
  'security_opt',
  'sysctls',
  'cgroup_parent',
  'docker_socket',
]);

const LATER_KEYS: ReadonlySet<string> = new Set(['strategy']);

type Issue = z.core.$ZodIssue;

/** Checks the shape and reports every mismatch; the typed file only when there is none. */
export function checkShape<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  findings: FindingCollector,
): z.infer<Schema> | undefined {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  for (const issue of result.error.issues) reportIssue(schema, issue, [], findings);
  return undefined;
}

function reportIssue(schema: z.ZodType, issue: Issue, above: readonly PathPart[], findings: FindingCollector): void {
  const path = [...above, ...issue.path.map((part) => (typeof part === 'number' ? part : String(part)))];
  switch (issue.code) {
    case 'unrecognized_keys':
      // More are never listed, and tens of thousands would cost seconds.
      for (const key of issue.keys.slice(0, MAX_FINDINGS)) reportKey(schema, key, path, findings);
      return;
    case 'invalid_key':
      for (const inner of issue.issues) reportText(inner.message, path, 'key', findings);
      return;
    case 'invalid_union': {
      // The alternative that the author was writing is the one whose own kind fits: its issues lie deeper, or are not about kind.
      const meant = issue.errors.find((issues) =>
        issues.every((inner) => inner.path.length > 0 || inner.code !== 'invalid_type'),
      );
      if (meant !== undefined && meant.length > 0) {
        for (const inner of meant) reportIssue(schema, inner, path, findings);
        return;
      }
      reportText(issue.message, path, 'value', findings);
      return;
    }
    default:
      reportText(issue.message, path, 'value', findings);
  }
}

function reportText(text: string, path: readonly PathPart[], at: At, findings: FindingCollector): void {
  const [rule, message] = split(text);
  // A sentence that does not begin with the author's own text begins with the key it speaks of.
  const subject = message.startsWith('"') ? '' : path.length === 0 ? 'The file ' : `\`${showPath(path)}\` `;
  findings.error(rule, path, subject + message, rule === 'missing-key' ? 'key' : at);
}

function split(text: string): [RuleId, string] {
  const end = text.indexOf(RULE_SEPARATOR);
  const rule = text.slice(0, Math.max(0, end));
  return isRuleId(rule) ? [rule, text.slice(end + 1)] : ['wrong-type', `is not accepted: ${text}.`];
}

function reportKey(schema: z.ZodType, key: string, above: readonly PathPart[], findings: FindingCollector): void {
  const path = [...above, key];
  if (POWER_KEYS.has(key)) {
    findings.error(
      'not-allowed-by-runner-policy',
      path,
      `\`${key}\` is refused: a definition cannot ask for powers over the runner's machine; remove it.`,
      'key',
    );
  } else if (showPath(path) === 'build.image.host') {
    findings.error(
      'host-without-container',
      path,
      'An image is built by the container engine, never on the host; remove `host`.',
      'key',
    );
  } else if (key === 'generate' && schema === fragmentSchema && above.length === 2) {
    findings.error(
      'generate-in-fragment',
      path,
      'A generated job generates no further jobs; write those to the same file, or remove `generate`.',
      'key',
    );
  } else if (LATER_KEYS.has(key)) {
    findings.error(
      'not-supported-yet',
      path,
      `\`${key}\` is not supported yet: this version would not run it; remove it.`,
      'key',
    );
  } else {
    const known = keysAt(schema, above);
    const list = known.length === 0 ? 'none' : known.map((name) => `\`${name}\``).join(', ');
    const where =
      above.length === 0 ? (schema === fragmentSchema ? 'a fragment' : 'a definition') : `\`${showPath(above)}\``;
    findings.error(
      'unknown-key',
      path,
      `${quote(key)} is not a key of ${where}; it knows ${list}.${didYouMean(key, known)}`,
      'key',
    );
  }
}

/** The keys that the schema accepts at a path. */
function keysAt(schema: z.core.$ZodType, path: readonly PathPart[]): readonly string[] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable) return keysAt(schema.unwrap(), path);
  if (schema instanceof z.ZodUnion) return schema.options.flatMap((option) => keysAt(option, path));
  const [part, ...rest] = path;
  if (schema instanceof z.ZodObject) {
    const shape = schema.shape as Record<string, z.core.$ZodType>;
    if (part === undefined) return Object.keys(shape);
    const child = shape[part];
    return child === undefined ? [] : keysAt(child, rest);
  }
  if (part === undefined) return [];
  if (schema instanceof z.ZodRecord) return keysAt(schema.valueType, rest);
  if (schema instanceof z.ZodArray) return keysAt(schema.element, rest);
  return [];
}
