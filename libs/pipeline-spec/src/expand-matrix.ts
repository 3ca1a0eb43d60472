import type { JobVariant } from './definition.ts';
import { asMap, entriesOf, membersOf } from './loose-tree.ts';
import type { PathPart, Place } from './place.ts';
import { placeAt } from './place.ts';

export const MAX_VARIANTS = 50;
/** Combinations that are tried at all, before `exclude`: more are refused without being made. */
export const MAX_COMBINATIONS = 400;

/** A value of an axis: text of the file, numbers in the author's spelling. */
export interface MatrixValue {
  readonly text: string;
  readonly path: readonly PathPart[];
}

export interface MatrixEntry {
  readonly values: ReadonlyMap<string, MatrixValue>;
  readonly path: readonly PathPart[];
}

export interface Matrix {
  readonly axes: ReadonlyMap<string, readonly MatrixValue[]>;
  readonly include: readonly MatrixEntry[];
  readonly exclude: readonly MatrixEntry[];
}

/** Reads what fits; the shape check reports the rest. undefined: the job has no matrix. */
export function readMatrix(value: unknown, path: readonly PathPart[], places: Place): Matrix | undefined {
  const map = asMap(value);
  if (map === undefined) return undefined;
  const scalar = (one: unknown, at: readonly PathPart[]): MatrixValue[] => {
    if (typeof one === 'string') return [{ text: one, path: at }];
    if (typeof one !== 'number' && typeof one !== 'boolean') return [];
    return [{ text: placeAt(places, at).source ?? String(one), path: at }];
  };
  const entries = (key: string): MatrixEntry[] =>
    entriesOf(map[key], [...path, key]).map((entry) => ({
      path: entry.path,
      values: new Map(
        membersOf(entry.value, entry.path).flatMap((member) =>
          scalar(member.value, member.path).map((one): [string, MatrixValue] => [member.name, one]),
        ),
      ),
    }));
  const axes = membersOf(value, path)
    .filter(({ name }) => name !== 'include' && name !== 'exclude')
    .map(({ name, value: list, path: at }): [string, MatrixValue[]] => [
      name,
      entriesOf(list, at).flatMap((entry) => scalar(entry.value, entry.path)),
    ]);
  return { axes: new Map(axes), include: entries('include'), exclude: entries('exclude') };
}

/** The names that every variant has a value for; a matrix without axes takes them from the first entry of `include`. */
export function axisNames({ axes, include }: Matrix): string[] {
  return [...(axes.size > 0 ? axes.keys() : (include[0]?.values.keys() ?? []))];
}

/** Number of combinations before `exclude` and `include`; a matrix above {@link MAX_COMBINATIONS} is not expanded. */
export function combinations({ axes }: Matrix): number {
  return axes.size === 0 ? 0 : [...axes.values()].reduce((product, values) => product * values.length, 1);
}

/** The variants in the order of the file: the last axis changes first, entries of `include` come at the end. */
export function expandMatrix(matrix: Matrix): Record<string, string>[] {
  let made: Record<string, string>[] = matrix.axes.size === 0 ? [] : [{}];
  if (combinations(matrix) > MAX_COMBINATIONS) return [];
  for (const [axis, values] of matrix.axes) {
    made = made.flatMap((cell) => values.map(({ text }) => ({ ...cell, [axis]: text })));
  }
  const kept = made.filter((cell) => !matrix.exclude.some((entry) => excludes(entry, cell)));
  const names = axisNames(matrix);
  const added = matrix.include.map(({ values }) =>
    Object.fromEntries(names.flatMap((name) => (values.has(name) ? [[name, values.get(name)?.text ?? '']] : []))),
  );
  const seen = new Map([...kept, ...added].map((cell) => [variantName('', cell), cell]));
  return [...seen.values()];
}

/** Whether a combination has every value that the entry names. */
export function excludes({ values }: MatrixEntry, cell: Readonly<Record<string, string>>): boolean {
  return values.size > 0 && [...values].every(([axis, { text }]) => cell[axis] === text);
}

/** `acceptance[node=24,os=bookworm]`: the same variant has the same name in every run. */
export function variantName(job: string, values: JobVariant['values']): string {
  const shown = Object.entries(values).map(([axis, value]) => `${axis}=${value}`);
  return `${job}[${shown.join(',')}]`;
}

export function matrixVariable(axis: string): string {
  return `MATRIX_${axis.toUpperCase()}`;
}
