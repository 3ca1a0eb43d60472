import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { workspaceRoot } from '../workspace.ts';

// The fixtures are linted as a small workspace of their own, with the real configuration at its root: patterns such as
// libs/engine/src/** count from there, and the real workspace ignores the fixtures.
const folder = mkdtempSync(join(tmpdir(), 'sluice-lint-'));
let findings = new Map<string, string[]>();

beforeAll(async () => {
  cpSync(join(workspaceRoot, 'scripts/lint-rules/fixtures'), folder, { recursive: true });
  // Type-aware rules need the typings of Node.
  symlinkSync(join(workspaceRoot, 'node_modules'), join(folder, 'node_modules'));
  const config = JSON.parse(
    readFileSync(join(workspaceRoot, '.oxlintrc.json'), 'utf8').replaceAll(/^\s*\/\/.*$/gm, ''),
  ) as Record<string, unknown>;
  const plugin = join(workspaceRoot, 'scripts/lint-rules/sluice-lint-plugin.mjs');
  writeFileSync(
    join(folder, '.oxlintrc.json'),
    JSON.stringify({ ...config, jsPlugins: [plugin], ignorePatterns: ['node_modules'] }),
  );
  findings = await lint();
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Rule names by file, sorted. */
function lint(): Promise<Map<string, string[]>> {
  const program = join(workspaceRoot, 'node_modules/oxlint/bin/oxlint');
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      [program, '--type-aware', '--format=json'],
      { cwd: folder, timeout: 25_000 },
      (_error, stdout, stderr) => {
        try {
          const { diagnostics } = JSON.parse(stdout) as { diagnostics: { filename: string; code: string }[] };
          const rules = new Map<string, string[]>();
          for (const { filename, code } of diagnostics)
            rules.set(filename, [...(rules.get(filename) ?? []), code].sort());
          resolve(rules);
        } catch (cause) {
          reject(new Error(`oxlint gave no report: ${stdout}${stderr}`, { cause }));
        }
      },
    );
  });
}

test('the core may not read the clock, chance or the process', () => {
  expect(findings.get('libs/engine/src/reads-clock.ts')).toEqual([
    'eslint(no-restricted-globals)',
    'sluice(no-ambient-input)',
    'sluice(no-ambient-input)',
    'sluice(no-ambient-input)',
  ]);
});

test('the tests of the core may', () => {
  expect(findings.get('libs/engine/src/reads-clock.spec.ts')).toBeUndefined();
});

test('the page may not turn text into markup', () => {
  expect(new Set(findings.get('apps/web/src/raw-log-line.tsx'))).toEqual(
    new Set(['react(no-danger)', 'sluice(no-html-injection)']),
  );
  expect(
    findings.get('apps/web/src/raw-log-line.tsx')?.filter((rule) => rule === 'sluice(no-html-injection)'),
  ).toHaveLength(2);
});

test('forgotten promises, any, console, default exports and value imports of types are found', () => {
  expect(findings.get('apps/runner/src/careless.ts')).toEqual([
    'eslint(no-console)',
    'import(no-default-export)',
    'typescript(consistent-type-imports)',
    'typescript(no-explicit-any)',
    'typescript(no-floating-promises)',
    'typescript(no-misused-promises)',
  ]);
});

test('a class that Nest injects stays a value import, because its metadata needs it at run time', () => {
  expect(findings.get('apps/server/src/injected.ts')).toBeUndefined();
});

test('a program may print', () => {
  expect(findings.get('apps/server/src/main.ts')).toBeUndefined();
});
