import { expect, it } from 'vitest';
import { virtualClock } from '@sluice/testing';
import { PollLimiter } from './poll-limiter.ts';

it('A56 a runner that floods is refused with 429 and Retry-After; others are not, and after a pause it may poll again', async () => {
  const clock = virtualClock();
  const limiter = new PollLimiter(clock);
  const refused = () => {
    let count = 0;
    for (let poll = 0; poll < 1_000; poll += 1) {
      try {
        limiter.admit('one');
      } catch (error) {
        expect(error).toMatchObject({ status: 429, data: { retryAfterSeconds: 1 } });
        count += 1;
      }
    }
    return count;
  };
  expect(refused()).toBe(900);
  expect(() => limiter.admit('two')).not.toThrow();
  await clock.advance(1_000);
  expect(refused()).toBe(950);
});
