import { expect, it } from 'vitest';
import { virtualClock } from '@sluice/testing';
import { PollLimiter } from './poll-limiter.ts';

const refusal = { status: 429, code: 'too-many-polls', data: { retryAfterSeconds: 1 } };

it('A56 a runner that floods is refused with 429 and Retry-After; others are not, and after a pause it may poll again', async () => {
  const clock = virtualClock();
  const limiter = new PollLimiter(clock);
  const refused = () => {
    let count = 0;
    for (let poll = 0; poll < 1_000; poll += 1) {
      try {
        limiter.admit('one', 1)[Symbol.dispose]();
      } catch (error) {
        expect(error).toMatchObject(refusal);
        count += 1;
      }
    }
    return count;
  };
  expect(refused()).toBe(900);
  expect(() => limiter.admit('two', 1)).not.toThrow();
  await clock.advance(1_000);
  expect(refused()).toBe(950);
});

it('A56 a runner may have so many polls open as its slots call for, and another one when one of them ends', () => {
  const limiter = new PollLimiter(virtualClock());
  const open = Array.from({ length: 8 }, () => limiter.admit('one', 2));
  expect(() => limiter.admit('one', 2)).toThrow(expect.objectContaining(refusal));
  expect(() => limiter.admit('two', 2)).not.toThrow();
  open[0]![Symbol.dispose]();
  expect(() => limiter.admit('one', 2)).not.toThrow();
  expect(() => limiter.admit('one', 2)).toThrow('may have 8 polls open');
});
