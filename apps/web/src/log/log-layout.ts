import type { StepDetail } from '../api/shapes.ts';
import type { LogLines } from './log-lines.ts';

export const LINE_HEIGHT = 21;
export const HEAD_HEIGHT = 28;

/** The part of a log that one step wrote; `step` is null for what came before the first. */
export interface LogSection {
  step: StepDetail | null;
  first: number;
  end: number;
  open: boolean;
  /** Pixels from the top of the log. */
  top: number;
  height: number;
}
export type LogItem = { kind: 'head'; section: LogSection; top: number } | { kind: 'line'; line: number; top: number };

/** Cuts the lines into steps by the byte offsets that the runner reported. */
export function logSections(
  lines: LogLines,
  steps: readonly StepDetail[],
  isOpen: (step: StepDetail) => boolean,
  rows: RowCounts,
): LogSection[] {
  const begun = steps.filter(
    (step): step is StepDetail & { logOffset: number } => step.logOffset !== null && step.logOffset <= lines.length,
  );
  const starts = begun.map((step) => lines.lineAt(step.logOffset));
  const sections: LogSection[] = [];
  let top = 0;
  const add = (step: StepDetail | null, first: number, end: number): void => {
    const open = step === null || isOpen(step);
    const height = (step === null ? 0 : HEAD_HEIGHT) + (open ? rows.between(first, end) * LINE_HEIGHT : 0);
    sections.push({ step, first, end, open, top, height });
    top += height;
  };
  const firstStart = starts[0] ?? lines.count;
  if (firstStart > 0) add(null, 0, firstStart);
  begun.forEach((step, index) => add(step, starts[index] ?? 0, starts[index + 1] ?? lines.count));
  return sections;
}

/** What lies between two heights, in order. */
export function itemsBetween(sections: readonly LogSection[], from: number, to: number, rows: RowCounts): LogItem[] {
  const items: LogItem[] = [];
  for (const section of sections) {
    if (section.top + section.height <= from) continue;
    if (section.top >= to) break;
    const head = section.step === null ? 0 : HEAD_HEIGHT;
    if (head > 0 && section.top + head > from) items.push({ kind: 'head', section, top: section.top });
    if (!section.open) continue;
    const bodyTop = section.top + head;
    const firstRow = Math.max(0, Math.floor((from - bodyTop) / LINE_HEIGHT));
    for (let line = rows.lineOfRow(section.first, section.end, firstRow); line < section.end; line += 1) {
      const top = bodyTop + rows.between(section.first, line) * LINE_HEIGHT;
      if (top >= to) break;
      items.push({ kind: 'line', line, top });
    }
  }
  return items;
}

export function topOfLine(sections: readonly LogSection[], line: number, rows: RowCounts): number | undefined {
  const section = sections.find(({ first, end }) => line >= first && line < end);
  if (section === undefined || !section.open) return undefined;
  return section.top + (section.step === null ? 0 : HEAD_HEIGHT) + rows.between(section.first, line) * LINE_HEIGHT;
}

/** How many rows lines take: one each, or more where long ones wrap. */
export interface RowCounts {
  between(first: number, end: number): number;
  lineOfRow(first: number, end: number, row: number): number;
}

export const oneRowEach: RowCounts = {
  between: (first, end) => end - first,
  lineOfRow: (first, end, row) => Math.min(end, first + row),
};

/** Rows by the number of characters that fit; sums are kept, so that only new lines are measured. */
export class WrappedRows implements RowCounts {
  #sums: number[] = [0];
  readonly #width: (line: number) => number;
  readonly #columns: number;

  constructor(columns: number, width: (line: number) => number) {
    this.#columns = Math.max(10, columns);
    this.#width = width;
  }

  /** The last line may have grown since it was measured. */
  measure(count: number): void {
    this.#sums.length = Math.max(1, Math.min(this.#sums.length - 1, count));
    for (let line = this.#sums.length - 1; line < count; line += 1) {
      this.#sums.push((this.#sums[line] ?? 0) + Math.max(1, Math.ceil(this.#width(line) / this.#columns)));
    }
  }

  between(first: number, end: number): number {
    return (this.#sums[end] ?? 0) - (this.#sums[first] ?? 0);
  }

  lineOfRow(first: number, end: number, row: number): number {
    const wanted = (this.#sums[first] ?? 0) + row;
    let low = first;
    let high = end;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#sums[middle + 1] ?? 0) <= wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
