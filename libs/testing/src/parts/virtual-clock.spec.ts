import { describe, expect, it } from 'vitest';
import { virtualClock } from './virtual-clock.ts';

describe('virtualClock', () => {
  it('runs what falls due in order, each at its own moment', async () => {
    const clock = virtualClock(0);
    const seen: string[] = [];
    clock.schedule(20, () => seen.push(`late at ${clock.nowMs()}`));
    clock.schedule(10, () => seen.push(`first at ${clock.nowMs()}`));
    clock.schedule(10, () => seen.push(`second at ${clock.nowMs()}`));
    await clock.advance(15);
    expect(seen).toEqual(['first at 10', 'second at 10']);
    expect(clock.nowMs()).toBe(15);
    await clock.advance(5);
    expect(seen).toHaveLength(3);
    expect(clock.pending).toBe(0);
  });

  it('runs within one advance what a sleeper schedules after waking', async () => {
    const clock = virtualClock(0);
    const seen: number[] = [];
    const loop = async () => {
      for (let i = 0; i < 3; i += 1) {
        await clock.sleep(10);
        seen.push(clock.nowMs());
      }
    };
    const done = loop();
    await clock.advance(30);
    await done;
    expect(seen).toEqual([10, 20, 30]);
  });

  it('lets a sleep be given up and takes a timer back', async () => {
    const clock = virtualClock();
    const controller = new AbortController();
    const sleeping = clock.sleep(1_000, controller.signal);
    const takeBack = clock.schedule(5, () => expect.unreachable());
    takeBack();
    controller.abort(new Error('enough'));
    await expect(sleeping).rejects.toThrow('enough');
    expect(clock.pending).toBe(0);
    expect(clock.now().toISOString()).toBe('2026-01-01T00:00:00.000Z');
  });
});
