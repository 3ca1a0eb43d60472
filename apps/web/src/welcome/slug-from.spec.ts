import { expect, it } from 'vitest';
import { slugFrom } from './slug-from.ts';

it.each([
  ['Shop & Orders', 'shop-orders'],
  ['  Équipe Café ', 'equipe-cafe'],
  ['___x', 'x'],
  ['a'.repeat(80), 'a'.repeat(63)],
])('%s becomes %s', (title, slug) => {
  expect(slugFrom(title)).toBe(slug);
});
