import { z } from 'zod';
import { fileSchema, fragmentSchema } from './file-schema.ts';

/** JSON Schema (draft 7, which YAML editors read) of what a `sluice.yaml` may say; rules across keys are not in it. */
export function definitionJsonSchema(): Readonly<Record<string, unknown>> {
  return jsonSchema(fileSchema);
}

/** The text of `docs/reference/sluice.schema.json`. */
export function definitionJsonSchemaText(): string {
  return asText(definitionJsonSchema());
}

/** The text of `docs/reference/sluice.fragment.schema.json`: of what a job with `generate` writes. */
export function fragmentJsonSchemaText(): string {
  return asText(jsonSchema(fragmentSchema));
}

function jsonSchema(schema: z.ZodType): Readonly<Record<string, unknown>> {
  return z.toJSONSchema(schema, { io: 'input', target: 'draft-7' }) as Readonly<Record<string, unknown>>;
}

function asText(schema: Readonly<Record<string, unknown>>): string {
  return `${JSON.stringify(schema, null, 2)}\n`;
}
