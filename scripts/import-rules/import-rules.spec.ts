import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import config from '../../.dependency-cruiser.mjs';
import { workspaceRoot } from '../workspace.ts';

const fixtures = join(workspaceRoot, 'scripts/import-rules/fixtures');
const ruleNames = config.forbidden?.map((rule) => rule.name ?? '') ?? [];
const brokenRules = cruiseFixtures();

/** Names of the broken rules by fixture; a fixture is a small workspace in a folder named after the rule that it breaks. */
function cruiseFixtures(): Map<string, Set<string>> {
  const program = join(workspaceRoot, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs');
  const args = ['--config', join(workspaceRoot, '.dependency-cruiser.mjs'), '--output-type', 'json', '.'];
  const stdout = execFileSync(process.execPath, [program, ...args], {
    cwd: fixtures,
    maxBuffer: 64 * 1024 * 1024,
    timeout: 25_000,
  });
  const { summary } = JSON.parse(stdout.toString('utf8')) as {
    summary: { violations: { from: string; rule: { name: string } }[] };
  };
  const broken = new Map<string, Set<string>>();
  for (const { from, rule } of summary.violations) {
    const fixture = from.split('/')[0] ?? '';
    broken.set(fixture, (broken.get(fixture) ?? new Set()).add(rule.name));
  }
  return broken;
}

test('every rule has a fixture that breaks it', () => {
  expect(readdirSync(fixtures).sort()).toEqual([...ruleNames, 'allowed'].sort());
});

test.each(ruleNames)('%s fires on its fixture, and no other rule does', (rule) => {
  expect([...(brokenRules.get(rule) ?? [])]).toEqual([rule]);
});

test('imports that the table allows break no rule', () => {
  expect(brokenRules.get('allowed')).toBeUndefined();
});
