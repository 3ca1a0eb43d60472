import { describe, expect, it } from 'vitest';
import { safeNext } from './next-address.ts';

const origin = 'https://sluice.example.com';

describe('safeNext', () => {
  it.each([
    ['/services/order/runs/12?tab=tests', '/services/order/runs/12?tab=tests'],
    ['/approvals#x', '/approvals#x'],
    [undefined, '/board'],
    ['', '/board'],
    ['https://evil.example', '/board'],
    ['//evil.example/board', '/board'],
    ['/\\evil.example', '/board'],
    ['/\t/evil.example', '/board'],
    ['javascript:alert(1)', '/board'],
    ['/login?next=/login', '/board'],
  ])('%s leads to %s', (next, expected) => {
    expect(safeNext(next, origin)).toBe(expected);
  });
});
