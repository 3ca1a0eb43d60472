import { writeFileSync } from 'node:fs';
import { definitionJsonSchemaText } from '../src/definition-json-schema.ts';

const target = new URL('../../../docs/reference/sluice.schema.json', import.meta.url);
writeFileSync(target, definitionJsonSchemaText());
process.stdout.write(`${target.pathname} written\n`);
