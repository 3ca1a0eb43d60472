import { describe, expect, it } from 'vitest';
import { LogLines } from './log-lines.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const texts = (lines: LogLines): string[] => Array.from({ length: lines.count }, (_, index) => lines.text(index));

describe('LogLines', () => {
  it('gives the same lines wherever the bytes are cut', () => {
    const whole = 'one\nzwölf ✓\n\n日本語\nlast without newline';
    const all = bytes(whole);
    for (let cut = 0; cut <= all.length; cut += 1) {
      const lines = new LogLines();
      lines.push(all.subarray(0, cut));
      lines.push(all.subarray(cut));
      expect(texts(lines)).toEqual(whole.split('\n'));
      expect(lines.length).toBe(all.length);
    }
  });

  it('finds the line of a byte offset', () => {
    const lines = new LogLines();
    lines.push(bytes('aa\nbbb\nc\n'));
    expect([0, 1, 3, 4, 7, 9].map((offset) => lines.lineAt(offset))).toEqual([0, 1, 1, 2, 2, 3]);
  });

  it('carries a colour over lines and ends it', () => {
    const lines = new LogLines();
    lines.push(bytes('\u001b[31mred\nstill\nend\u001b[0m\nplain\n'));
    expect([0, 1, 2, 3].map((index) => lines.state(index).style.fg)).toEqual([null, 1, 1, null]);
  });

  it('invalid bytes become replacement characters, never a lost line', () => {
    const lines = new LogLines();
    lines.push(new Uint8Array([0xff, 0xe2, 0x82, 10, 0xc3, 10]));
    expect(texts(lines)).toEqual(['\ufffd\ufffd', '\ufffd']);
  });
});
