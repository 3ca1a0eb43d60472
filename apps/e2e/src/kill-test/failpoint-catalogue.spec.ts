import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { CHAINS, FIRST_BOOT } from './chains.ts';
import { neverKilledAt, readFailpoints } from './failpoint-catalogue.ts';

const root = fileURLToPath(new URL('../../../..', import.meta.url));
const armed = [...CHAINS.flatMap(({ failpoints }) => failpoints), ...FIRST_BOOT];

describe('failpoints of the server', () => {
  it('are each armed by some chain of the kill test', () => {
    expect(neverKilledAt(readFailpoints(root), armed)).toEqual([]);
  });

  it('are what the chains name, and nothing else', () => {
    const all = readFailpoints(root);
    expect(armed.filter((name) => !all.includes(name))).toEqual([]);
  });

  it('are named in a sentence when nothing was killed there', () => {
    expect(neverKilledAt(['a:before-commit', 'a:after-commit'], ['a:after-commit'])).toEqual([
      'no server was killed at a:before-commit; add it to a chain of the kill test that passes it',
    ]);
  });
});
