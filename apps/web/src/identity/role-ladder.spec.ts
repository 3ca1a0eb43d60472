import { role } from '@sluice/protocol';
import { expect, it } from 'vitest';
import { reaches, ROLE_LADDER } from './role-ladder.ts';

it('the ladder of roles is the contract’s, in its order', () => {
  expect(ROLE_LADDER).toEqual(role.options);
});

it('a role reaches those below it and itself, and nobody without a role reaches any', () => {
  const reached = [...role.options, undefined].map((mine) => role.options.filter((least) => reaches(mine, least)));
  expect(reached).toEqual([
    ['viewer'],
    ['viewer', 'developer'],
    ['viewer', 'developer', 'release-manager'],
    ['viewer', 'developer', 'release-manager', 'admin'],
    [],
  ]);
});
