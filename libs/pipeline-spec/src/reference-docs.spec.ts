import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { checkDefinition } from './check-definition.ts';
import { definitionJsonSchema, definitionJsonSchemaText, fragmentJsonSchemaText } from './definition-json-schema.ts';
import { RULES } from './rules.ts';

const reference = new URL('../../../docs/reference/', import.meta.url);
const page = readFileSync(new URL('definition.md', reference), 'utf8');

/** Every key that the schema knows, at any depth. */
function keysOf(schema: unknown): string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  return Object.entries(schema).flatMap(([word, part]: [string, unknown]) =>
    word === 'properties'
      ? [...Object.keys(part as object), ...Object.values(part as object).flatMap(keysOf)]
      : keysOf(part),
  );
}

describe('the reference of the definition', () => {
  it.each([
    ['sluice.schema.json', definitionJsonSchemaText()],
    ['sluice.fragment.schema.json', fragmentJsonSchemaText()],
  ])(
    '%s is what the code accepts (node --conditions=@sluice/source libs/pipeline-spec/scripts/write-json-schema.ts)',
    (name, text) => {
      expect(readFileSync(new URL(name, reference), 'utf8')).toBe(text);
    },
  );

  it.each(Object.entries(RULES))('the rule %s has its anchor and its text', (rule, text) => {
    expect(page).toContain(`\n### ${rule}\n\n${text}`);
  });

  it('has no anchor of a rule that does not exist', () => {
    const anchors = [...page.slice(page.indexOf('\n## Rules\n')).matchAll(/^### (.+)$/gm)].map((match) => match[1]);
    expect(anchors).toEqual(Object.keys(RULES));
  });

  it('explains every key', () => {
    const keys = [...new Set(keysOf(definitionJsonSchema()))];
    expect(keys).toContain('dockerfile');
    expect(
      keys.filter(
        (key) => !['jobs', 'environment', 'junit'].includes(key) && !new RegExp(`^\\| \`${key}\` +\\|`, 'm').test(page),
      ),
    ).toEqual([]);
    for (const nested of ['{ jobs: ', '{ environment: ', '{ junit: ']) expect(page).toContain(nested);
  });

  it('shows an example that passes without a warning', () => {
    const example = /```yaml\n([^]*?)```/.exec(page)?.[1] ?? '';
    expect(checkDefinition(example, 'sluice.yaml')).toEqual({
      definition: expect.objectContaining({ service: 'catalog' }) as object,
      findings: [],
    });
  });

  it('links only to headings of the page', () => {
    const headings = new Set(
      [...page.matchAll(/^#+ (.+)$/gm)].map((match) =>
        (match[1] ?? '')
          .toLowerCase()
          .replace(/[^\w\- ]/g, '')
          .replace(/ /g, '-'),
      ),
    );
    const links = [...page.matchAll(/\]\(#([^)]+)\)/g)].map((match) => match[1] ?? '');
    expect(links.filter((link) => !headings.has(link))).toEqual([]);
  });
});
