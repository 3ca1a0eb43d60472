import { describe, expect, it } from 'vitest';
import { age, delay, duration, elapsed, initials, shortDigest, size } from './wording.ts';

describe('wording', () => {
  it.each([
    [420, '0.4s'],
    [14_300, '14s'],
    [112_000, '1m 52s'],
    [188_000, '3m 08s'],
    [9_660_000, '2h 41m'],
    [273_600_000, '3d 4h'],
  ])('a duration of %d ms is %s', (ms, text) => {
    expect(duration(ms)).toBe(text);
  });

  it('elapsed shows whole seconds', () => {
    expect(elapsed(3_999)).toBe('3s');
    expect(elapsed(-200)).toBe('0s');
  });

  it('a delay below a second is in milliseconds', () => {
    expect(delay(180)).toBe('180 ms');
  });

  it.each([
    ['2026-11-24T10:46:30Z', 'now'],
    ['2026-11-24T10:44:00Z', '3 min'],
    ['2026-11-24T05:00:00Z', '5 h'],
    ['2026-11-22T05:00:00Z', '2 d'],
    ['2026-11-10T12:00:00Z', '10 Nov'],
    ['2025-11-10T12:00:00Z', '10 Nov 2025'],
  ])('the age of %s is %s', (at, text) => {
    expect(age(at, Date.parse('2026-11-24T10:47:12Z'))).toBe(text);
  });

  it('sizes are binary, digests and names short', () => {
    expect(size(90_177_536)).toBe('86 MiB');
    expect(size(1536)).toBe('1.5 KiB');
    expect(shortDigest(`sha256:d07f${'0'.repeat(56)}13e8`)).toBe('sha256:d07f…13e8');
    expect(initials('Mira Patel')).toBe('MP');
    expect(initials('deploy-bot')).toBe('DB');
    expect(initials('root')).toBe('RO');
  });
});
