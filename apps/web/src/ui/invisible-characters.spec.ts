import { describe, expect, it } from 'vitest';
import { splitInvisible } from './invisible-characters.ts';

describe('splitInvisible', () => {
  it('shows a direction override by its number and name (A66)', () => {
    expect(splitInvisible('feat\u202egnp.exe')).toEqual([
      { kind: 'text', text: 'feat' },
      { kind: 'invisible', code: 'U+202E', name: 'right-to-left override' },
      { kind: 'text', text: 'gnp.exe' },
    ]);
  });

  it('shows a lone joiner and keeps the one inside a picture', () => {
    expect(splitInvisible('a\u200db')).toHaveLength(3);
    expect(splitInvisible('\u{1f469}\u200d\u{1f4bb} ok')).toHaveLength(1);
  });

  it('keeps tabs, and letters of every script', () => {
    expect(splitInvisible('a\tb שלום مرحبا 你好')).toHaveLength(1);
  });

  it('shows control characters that are no part of a colour', () => {
    expect(splitInvisible('a\u0007b\u009bc').map((part) => part.kind)).toEqual([
      'text',
      'invisible',
      'text',
      'invisible',
      'text',
    ]);
  });
});
