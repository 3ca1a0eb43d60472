import { describe, expect, it } from 'vitest';
import { parseAnsiLine, safeLink, startState } from './ansi-line.ts';

const E = '\u001b';
const text = (line: string): string =>
  parseAnsiLine(line)
    .pieces.map((piece) => piece.text)
    .join('');
const styles = (line: string) =>
  parseAnsiLine(line).pieces.map(({ text: shown, style }) => [
    shown,
    ...Object.entries(style).flatMap(([name, value]) =>
      value === null || value === false ? [] : [`${name}=${value}`],
    ),
  ]);

describe('parseAnsiLine', () => {
  it('keeps colours and text styles, and carries them to the next line', () => {
    expect(styles(`${E}[32m✓${E}[0m ok ${E}[1;4;91mbad${E}[22;24;39m`)).toEqual([
      ['✓', 'fg=2'],
      [' ok '],
      ['bad', 'fg=9', 'bold=true', 'underline=true'],
    ]);
    const { state } = parseAnsiLine(`${E}[31mred`);
    expect(parseAnsiLine('still red', state).pieces[0]?.style.fg).toBe(1);
    expect(startState.style.fg).toBeNull();
  });

  it('snaps 256 and true colours to the palette and ignores blink and conceal', () => {
    expect(styles(`${E}[38;5;196ma${E}[38;2;20;190;120mb${E}[0;5;8mc${E}[48;5;21md`)).toEqual([
      ['a', 'fg=1'],
      ['b', 'fg=2'],
      ['c'],
      ['d', 'bg=4'],
    ]);
  });

  it('shows progress as its last state', () => {
    expect(text('10%\r50%\r100%')).toBe('100%');
    expect(text('long text\rnew')).toBe('newg text');
    expect(text(`long text\r${E}[Knew`)).toBe('new');
    expect(text('abc\b\bX')).toBe('aXc');
    expect(text('windows line\r')).toBe('windows line');
  });

  it('A66: markup is text, unchanged', () => {
    const hostile = '<script>alert(1)</script><img src=x onerror=alert(1)></pre>{{7*7}}';
    expect(text(hostile)).toBe(hostile);
  });

  it('A67: links only to http and https without user info', () => {
    const link = (address: string): (string | null)[] =>
      parseAnsiLine(`${E}]8;;${address}\u0007x${E}]8;;\u0007y`).pieces.map((piece) => piece.href);
    expect(link('https://example.com/a')).toEqual(['https://example.com/a', null]);
    expect(link('javascript:alert(1)')).toEqual([null]);
    expect(link('data:text/html,x')).toEqual([null]);
    expect(link('https://user:pw@example.com')).toEqual([null]);
    expect(safeLink(`https://example.com/${'a'.repeat(2048)}`)).toBeNull();
    expect(safeLink('java\nscript:alert(1)')).toBeNull();
  });

  it.each([
    ['title', `${E}]0;owned\u0007`],
    ['clipboard', `${E}]52;c;aGVsbG8=${E}\\`],
    ['clear screen', `${E}[2J${E}[3J`],
    ['cursor up', `${E}[10A`],
    ['device control string', `${E}P1$r0m${E}\\`],
    ['application command', `${E}_apc${E}\\`],
    ['8-bit control codes', '\u009b31;1H\u009d0;t\u009c\u0085'],
    ['private mode', `${E}[?1049h`],
    ['character set', `${E}(0`],
    ['bare escape at the end', E],
  ])('A67: drops %s and keeps what is around it', (_name, sequence) => {
    expect(text(`before ${sequence}`)).toBe('before ');
    expect(text(`${sequence.length === 1 ? '' : sequence}after`)).toBe('after');
  });

  it('A67: an unterminated sequence above 4 KB hides nothing', () => {
    expect(text(`a${E}]0;${'y'.repeat(1_000_000)}`)).toBe(`a0;${'y'.repeat(1_000_000)}`);
    expect(text(`a${E}[${'1;'.repeat(5000)}mtext`).endsWith('mtext')).toBe(true);
  });

  it('A67: time grows with the length, not with its square', () => {
    const work = (size: number): number => {
      let reads = 0;
      const evil = [`${E}]`.repeat(size), `${E}[`.repeat(size), '\u009d'.repeat(size), `${E}P`.repeat(size)];
      const original = String.prototype.charCodeAt;
      String.prototype.charCodeAt = function counted(index: number) {
        reads += 1;
        return original.call(this, index);
      };
      try {
        for (const line of evil) parseAnsiLine(line);
      } finally {
        String.prototype.charCodeAt = original;
      }
      return reads;
    };
    const small = work(2_000);
    expect(small).toBeGreaterThan(2_000);
    expect(work(20_000)).toBeLessThan(small * 11);
  });
});
