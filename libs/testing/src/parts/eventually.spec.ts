import { describe, expect, it } from 'vitest';
import { eventually } from './eventually.ts';

describe('eventually', () => {
  it('asks again until the answer is truthy and returns it', async () => {
    let asked = 0;
    const answer = await eventually(() => (++asked < 3 ? undefined : `after ${asked}`), { everyMs: 1 });
    expect(answer).toBe('after 3');
  });

  it('takes a throwing probe for "not yet"', async () => {
    let asked = 0;
    const probe = () => {
      if (++asked < 2) throw new Error('early');
      return asked;
    };
    expect(await eventually(probe, { everyMs: 1 })).toBe(2);
  });

  it('names what it waited for and the last answer when time is up', async () => {
    const waiting = eventually(() => null, { timeoutMs: 5, everyMs: 1, describe: 'the moon' });
    await expect(waiting).rejects.toThrow('Waited 5 ms for the moon; last answer: null');
  });

  it('shows the last error when time is up', async () => {
    const waiting = eventually(() => Promise.reject(new RangeError('too far')), { timeoutMs: 5, everyMs: 1 });
    await expect(waiting).rejects.toThrow('last answer: RangeError: too far');
  });
});
