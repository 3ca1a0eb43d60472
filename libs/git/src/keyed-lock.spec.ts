import { describe, expect, it } from 'vitest';
import { KeyedLock } from './keyed-lock.ts';

describe('KeyedLock', () => {
  it('runs work of one key in the order of asking, and of other keys at once', async () => {
    const lock = new KeyedLock();
    const said: string[] = [];
    const first = Promise.withResolvers<void>();
    const one = lock.hold('a', async () => {
      await first.promise;
      said.push('one');
    });
    const two = lock.hold('a', async () => void said.push('two'));
    await lock.hold('b', async () => void said.push('other'));
    expect(said).toEqual(['other']);
    first.resolve();
    await Promise.all([one, two]);
    expect(said).toEqual(['other', 'one', 'two']);
  });

  it('goes on after work that failed', async () => {
    const lock = new KeyedLock();
    await expect(lock.hold('a', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await lock.hold('a', async () => 1)).toBe(1);
  });
});
