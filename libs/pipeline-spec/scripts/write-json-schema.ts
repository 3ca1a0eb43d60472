import { writeFileSync } from 'node:fs';
import { definitionJsonSchemaText, fragmentJsonSchemaText } from '../src/definition-json-schema.ts';

for (const [name, text] of [
  ['sluice.schema.json', definitionJsonSchemaText()],
  ['sluice.fragment.schema.json', fragmentJsonSchemaText()],
] as const) {
  const target = new URL(`../../../docs/reference/${name}`, import.meta.url);
  writeFileSync(target, text);
  process.stdout.write(`${target.pathname} written\n`);
}
