import { describe, expect, it, vi } from 'vitest';
import { HookTraffic } from './hook-traffic.ts';

function traffic() {
  let now = 0;
  let timers: { at: number; work: () => void }[] = [];
  const onRoom = vi.fn<() => void>();
  const made = new HookTraffic(onRoom, {
    now: () => now,
    later: (work, ms) => {
      const timer = { at: now + ms, work };
      timers.push(timer);
      return () => void (timers = timers.filter((one) => one !== timer));
    },
  });
  return {
    made,
    onRoom,
    pass: (ms: number) => {
      const end = now + ms;
      for (;;) {
        const next = timers.filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at)[0];
        if (!next) break;
        timers = timers.filter((one) => one !== next);
        now = next.at;
        next.work();
      }
      now = end;
    },
    hook: () => {
      const answer = Promise.withResolvers<void>();
      const counted = made.count(() => answer.promise);
      return async () => {
        answer.resolve();
        await counted;
      };
    },
  };
}

describe('HookTraffic', () => {
  it('has a lone push planned as soon as it is answered', async () => {
    const { made, hook, onRoom } = traffic();
    expect(made.placesForPlanning()).toBe(Number.POSITIVE_INFINITY);
    const answer = hook();
    expect(made.placesForPlanning()).toBe(0);
    await answer();
    expect(made.placesForPlanning()).toBe(Number.POSITIVE_INFINITY);
    await vi.waitFor(() => expect(onRoom).toHaveBeenCalledTimes(1));
  });

  it('holds planning back while hooks follow each other, until none came for a moment', async () => {
    const { made, hook, pass, onRoom } = traffic();
    const [first, second] = [hook(), hook()];
    await first();
    await second();
    for (let n = 0; n < 5; n += 1) {
      pass(20);
      expect(made.placesForPlanning()).toBe(0);
      await hook()();
    }
    expect(onRoom).not.toHaveBeenCalled();
    pass(60);
    expect(made.placesForPlanning()).toBe(Number.POSITIVE_INFINITY);
    expect(onRoom).toHaveBeenCalled();
  });

  it('leaves planning one place when a burst does not end (F54)', async () => {
    const { made, hook, pass, onRoom } = traffic();
    for (let n = 0; n < 60; n += 1) {
      const [one, other] = [hook(), hook()];
      await one();
      await other();
      pass(20);
    }
    expect(made.placesForPlanning()).toBe(1);
    expect(onRoom).toHaveBeenCalled();
  });

  it('does not wait without end for an answer that hangs', () => {
    const { made, hook, pass } = traffic();
    void hook();
    pass(1_000);
    expect(made.placesForPlanning()).toBe(1);
  });
});
