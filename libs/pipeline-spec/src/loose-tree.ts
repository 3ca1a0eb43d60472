import type { PathPart } from './place.ts';

// The rules across keys look at files that may have other mistakes too, so they read plain values and step over what does
// not fit; the shape check reports that part.

export type LooseMap = Readonly<Record<string, unknown>>;

export interface LooseJob {
  readonly stage: 'commit' | 'test';
  readonly name: string;
  readonly path: readonly PathPart[];
  readonly value: LooseMap;
}

export function asMap(value: unknown): LooseMap | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as LooseMap) : undefined;
}

/** The entries of a list with their paths; a single value counts as a list of one. */
export function entriesOf(
  value: unknown,
  path: readonly PathPart[],
): { readonly value: unknown; readonly path: readonly PathPart[] }[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) return [{ value, path }];
  return value.map((entry: unknown, index) => ({ value: entry, path: [...path, index] }));
}

/** The values of a mapping with their names and paths. */
export function membersOf(
  value: unknown,
  path: readonly PathPart[],
): { readonly name: string; readonly value: unknown; readonly path: readonly PathPart[] }[] {
  return Object.entries(asMap(value) ?? {}).map(([name, member]) => ({ name, value: member, path: [...path, name] }));
}

export function jobsOf(root: LooseMap): LooseJob[] {
  const jobs: LooseJob[] = [];
  for (const stage of ['commit', 'test'] as const) {
    for (const { name, value, path } of membersOf(asMap(root[stage])?.['jobs'], [stage, 'jobs'])) {
      const map = asMap(value);
      if (map !== undefined) jobs.push({ stage, name, path, value: map });
    }
  }
  return jobs;
}
