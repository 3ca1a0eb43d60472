import { z } from 'zod';
import { fileSchema } from './file-schema.ts';

/** JSON Schema (draft 7, which YAML editors read) of what a `sluice.yaml` may say; rules across keys are not in it. */
export function definitionJsonSchema(): Readonly<Record<string, unknown>> {
  return z.toJSONSchema(fileSchema, { io: 'input', target: 'draft-7' }) as Readonly<Record<string, unknown>>;
}

/** The text of `docs/reference/sluice.schema.json`. */
export function definitionJsonSchemaText(): string {
  return `${JSON.stringify(definitionJsonSchema(), null, 2)}\n`;
}
