import { describe, expect, it } from 'vitest';
import { virtualClock } from '@sluice/testing';
import { HookRate } from './hook-rate.ts';

describe('HookRate', () => {
  it('lets a burst through, then holds back that sender of that hook alone, and recovers', async () => {
    const clock = virtualClock();
    const rate = new HookRate({ now: () => clock.now() });
    for (let sent = 0; sent < 1000; sent += 1) expect(rate.take('hook', '192.0.2.1')).toBe(0);
    expect(rate.take('hook', '192.0.2.1')).toBeGreaterThan(0);
    expect(rate.take('hook', '192.0.2.2')).toBe(0);
    expect(rate.take('other', '192.0.2.1')).toBe(0);
    await clock.advance(1000);
    for (let sent = 0; sent < 50; sent += 1) expect(rate.take('hook', '192.0.2.1')).toBe(0);
    expect(rate.take('hook', '192.0.2.1')).toBeGreaterThan(0);
  });
});
