import { LineCounter, parseDocument, type Node } from 'yaml';
import type { z } from 'zod';

export type SettingsFile<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problems: readonly string[] };

const MAX_BYTES = 256 * 1024;

/** Reads a settings file of the pipelines folder; every problem is `file:line: sentence`. */
export function readSettingsFile<T>(text: string, file: string, schema: z.ZodType<T>): SettingsFile<T> {
  if (Buffer.byteLength(text) > MAX_BYTES)
    return {
      ok: false,
      problems: [`${file}:1: The file has more than 256 KiB; split the installation or remove what is not needed.`],
    };
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, schema: 'core', strict: true, uniqueKeys: true });
  if (document.errors.length > 0) {
    return {
      ok: false,
      problems: document.errors.map(
        (error) =>
          `${file}:${error.linePos?.[0].line ?? 1}: ${error.message.split('\n')[0]!.replace(/ at line .*$/, '')}.`,
      ),
    };
  }
  let content: unknown;
  try {
    content = document.toJS({ maxAliasCount: 50 }) ?? {};
  } catch {
    return { ok: false, problems: [`${file}:1: The file repeats itself too often by aliases; write the values out.`] };
  }
  const parsed = schema.safeParse(content);
  if (parsed.success) return { ok: true, value: parsed.data };
  const lineOf = (path: readonly PropertyKey[]): number => {
    for (let length = path.length; length >= 0; length -= 1) {
      const node = document.getIn(path.slice(0, length), true) as Node | undefined;
      if (node?.range) return lines.linePos(node.range[0]).line;
    }
    return 1;
  };
  return {
    ok: false,
    problems: parsed.error.issues.map(
      (issue) => `${file}:${lineOf(issue.path)}: ${issue.path.map(String).join('.') || 'file'}: ${issue.message}.`,
    ),
  };
}
