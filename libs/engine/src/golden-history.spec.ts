import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { foldLane } from './evolve-lane.ts';
import { foldRun } from './evolve-run.ts';
import { readLaneEvent, readLaneState, readRunEvent, readRunState } from './read-stored.ts';

/**
 * Histories as earlier versions wrote them, each with the state it must still fold to. A file here is never changed:
 * a new version of events gets new files beside these.
 */
describe('I34: histories of earlier versions fold to the same state under the code of today', () => {
  test.each(['run-passed.v1', 'run-cancelled-retry.v1', 'run-features.v2', 'run-rerun-failed.v2', 'run-generated.v2'])(
    '%s',
    (name) => {
      const { events, state } = golden(name);
      expect(foldRun(events.map(readRunEvent))).toEqual(readRunState(state));
    },
  );

  test.each(['lane-superseded-approved.v1'])('%s', (name) => {
    const { events, state } = golden(name);
    expect(foldLane(events.map(readLaneEvent))).toEqual(readLaneState(state));
  });
});

function golden(name: string): { readonly events: readonly unknown[]; readonly state: unknown } {
  const file = new URL(`fixtures/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(file, 'utf8')) as ReturnType<typeof golden>;
}
