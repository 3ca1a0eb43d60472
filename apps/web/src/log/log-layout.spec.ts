import { describe, expect, it } from 'vitest';
import type { StepDetail } from '../api/shapes.ts';
import { LogLines } from './log-lines.ts';
import {
  HEAD_HEIGHT,
  itemsBetween,
  LINE_HEIGHT,
  logSections,
  oneRowEach,
  topOfLine,
  WrappedRows,
} from './log-layout.ts';

const step = (index: number, logOffset: number | null): StepDetail => ({
  index,
  name: `step ${index}`,
  status: 'passed',
  startedAt: null,
  finishedAt: null,
  exitCode: null,
  logOffset,
});
const lines = new LogLines();
lines.push(new TextEncoder().encode('a\nb\nc\nd\ne\n'));

describe('log layout', () => {
  it('cuts at the byte where a step begins; a step without output so far has no section', () => {
    const sections = logSections(lines, [step(0, 2), step(1, 6), step(2, null)], () => true, oneRowEach);
    expect(sections.map(({ step: of, first, end }) => [of?.index ?? null, first, end])).toEqual([
      [null, 0, 1],
      [0, 1, 3],
      [1, 3, 5],
    ]);
    expect(topOfLine(sections, 3, oneRowEach)).toBe(3 * LINE_HEIGHT + 2 * HEAD_HEIGHT);
  });

  it('a folded step keeps its heading and no line', () => {
    const sections = logSections(lines, [step(0, 0), step(1, 6)], ({ index }) => index === 1, oneRowEach);
    const items = itemsBetween(sections, 0, 1000, oneRowEach);
    expect(items.map((item) => (item.kind === 'head' ? item.section.step?.name : item.line))).toEqual([
      'step 0',
      'step 1',
      3,
      4,
    ]);
    expect(topOfLine(sections, 0, oneRowEach)).toBeUndefined();
  });

  it('asks only for what is in sight', () => {
    const sections = logSections(lines, [], () => true, oneRowEach);
    expect(itemsBetween(sections, LINE_HEIGHT * 2, LINE_HEIGHT * 4, oneRowEach)).toEqual([
      { kind: 'line', line: 2, top: 42 },
      { kind: 'line', line: 3, top: 63 },
    ]);
  });

  it('wrapped lines take more rows, and one that grows is measured again', () => {
    const widths = [5, 25, 10, 31];
    const rows = new WrappedRows(10, (line) => widths[line] ?? 0);
    rows.measure(3);
    expect(rows.between(0, 3)).toBe(5);
    expect([0, 1, 3, 4].map((row) => rows.lineOfRow(0, 3, row))).toEqual([0, 1, 1, 2]);
    widths[2] = 11;
    rows.measure(4);
    expect(rows.between(0, 4)).toBe(10);
  });
});
