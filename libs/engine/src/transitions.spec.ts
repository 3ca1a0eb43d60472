import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { isTerminal } from './statuses.ts';
import type { AttemptStatus, DeploymentStatus, Status } from './statuses.ts';
import * as tables from './transitions.ts';

const TABLES = {
  Run: tables.RUN_TRANSITIONS,
  Stage: tables.STAGE_TRANSITIONS,
  Job: tables.JOB_TRANSITIONS,
  Attempt: tables.ATTEMPT_TRANSITIONS,
  Deployment: tables.DEPLOYMENT_TRANSITIONS,
  'Lane mirror': tables.LANE_MIRROR_TRANSITIONS,
} satisfies Record<string, Readonly<Record<string, readonly string[]>>>;

const page = readFileSync(new URL('../../../docs/reference/states.md', import.meta.url), 'utf8');

describe.each(Object.entries(TABLES))('%s', (title, table) => {
  test('I01: the page shows the table that the engine keeps to', () => {
    expect(tableOf(title)).toEqual(table);
  });

  test('I02: what has ended has no way out, and what is open has one', () => {
    for (const [from, to] of Object.entries<readonly string[]>(table)) {
      // A job is never `waiting`: that word is for releases.
      if (title === 'Job' && from === 'waiting') expect(to).toEqual([]);
      else expect(to.length === 0, from).toBe(isTerminal(from as Status | AttemptStatus | DeploymentStatus));
    }
  });
});

test('the page has no table beside these', () => {
  expect([...page.matchAll(/^## (.+)$/gm)].map(([, title]) => title)).toEqual(Object.keys(TABLES));
});

function tableOf(title: string): Record<string, string[]> {
  const section = page.split(/^## /m).find((part) => part.startsWith(`${title}\n`)) ?? '';
  const rows = [...section.matchAll(/^\| `([^`]+)` *\| (.+) \|$/gm)];
  return Object.fromEntries(
    rows.map(([, from = '', to = '']) => [from, [...to.matchAll(/`([^`]+)`/g)].map(([, status = '']) => status)]),
  );
}
