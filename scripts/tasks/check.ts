import { performance } from 'node:perf_hooks';
import { captureNode } from '../capture-child.ts';
import { secondsSince } from '../workspace.ts';

interface Part {
  readonly name: string;
  readonly args: readonly string[];
  /** What a person does about a failure. */
  readonly remedy: string;
}

const parts: readonly Part[] = [
  { name: 'types', args: ['node_modules/typescript7/bin/tsc', '-b'], remedy: 'fix the type errors' },
  {
    name: 'format',
    args: ['node_modules/prettier/bin/prettier.cjs', '--check', '--log-level=warn', '.'],
    remedy: 'run: npx prettier --write .',
  },
  {
    name: 'lint',
    args: ['node_modules/oxlint/bin/oxlint', '--type-aware', '--deny-warnings'],
    remedy: 'fix the findings; some with: npx oxlint --type-aware --fix',
  },
  {
    name: 'imports',
    args: [
      'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs',
      '--config',
      '.dependency-cruiser.mjs',
      'apps',
      'libs',
      'scripts',
    ],
    remedy: 'see the import table in CONTRIBUTING.md',
  },
  {
    name: 'dead code',
    args: ['node_modules/knip/bin/knip.js', '--no-progress', '--no-config-hints'],
    remedy: 'delete what nothing uses, or declare what is missing',
  },
];

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !parts.some((part) => part.name === name));
if (unknown.length > 0) {
  console.error(
    `check: there is no part "${unknown.join('", "')}"; the parts are: ${parts.map((part) => part.name).join(', ')}`,
  );
  process.exit(1);
}

const failed: string[] = [];
for (const part of parts) {
  if (wanted.length > 0 && !wanted.includes(part.name)) continue;
  const startedAt = performance.now();
  const { exitCode, output } = await captureNode(part.args);
  const verdict = exitCode === 0 ? 'ok' : `failed: ${part.remedy}`;
  if (exitCode !== 0) process.stdout.write(`\n${output.trimEnd()}\n`);
  console.log(`check ${part.name.padEnd(10)}${secondsSince(startedAt).padStart(7)}  ${verdict}`);
  if (exitCode !== 0) failed.push(part.name);
}
console.log(failed.length === 0 ? 'check: all parts ok' : `check: failed in ${failed.join(', ')}`);
process.exitCode = failed.length === 0 ? 0 : 1;
