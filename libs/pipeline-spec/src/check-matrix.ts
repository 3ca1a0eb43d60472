import type { FindingCollector } from './collect-findings.ts';
import type { Matrix } from './expand-matrix.ts';
import {
  axisNames,
  combinations,
  excludes,
  expandMatrix,
  MAX_COMBINATIONS,
  MAX_VARIANTS,
  readMatrix,
  variantName,
} from './expand-matrix.ts';
import { MAX_JOBS } from './file-schema.ts';
import type { LooseJob } from './loose-tree.ts';
import { asMap, membersOf } from './loose-tree.ts';
import { parseImageReference } from './parse-image-reference.ts';
import type { PathPart, Place } from './place.ts';
import { quote } from './place.ts';
import { didYouMean } from './suggest-name.ts';

const AXIS = /^[a-z][a-z0-9_]{0,30}$/;
/** Values stand in the name of the job, so what would end a value there is left out, and a leading `-` too. */
const VALUE = /^[A-Za-z0-9_.][A-Za-z0-9_.:@+/-]{0,199}$/;

/** Everything about matrices: names, values, entries that name other axes, sizes, and images chosen by an axis. */
export function checkMatrices(
  jobs: readonly LooseJob[],
  places: Place,
  findings: FindingCollector,
  most = MAX_JOBS,
): void {
  let total = 0;
  let told = false;
  for (const job of jobs) {
    const path = [...job.path, 'matrix'];
    const matrix = readMatrix(job.value['matrix'], path, places);
    checkImages(job, matrix, findings);
    const before = total;
    total += matrix === undefined ? 1 : checkMatrix(matrix, path, findings);
    if (told || matrix === undefined || total <= most) continue;
    told = true;
    findings.error(
      'matrix-too-large',
      path,
      `With these variants the file has ${total} jobs after ${before}; all jobs together are at most ${most}: take values away.`,
      'key',
    );
  }
}

/** The number of variants. */
function checkMatrix(matrix: Matrix, path: readonly PathPart[], findings: FindingCollector): number {
  const names = axisNames(matrix);
  checkSpelling(matrix, path, findings);
  for (const entry of [...matrix.include, ...matrix.exclude]) {
    for (const axis of entry.values.keys()) {
      if (names.includes(axis)) continue;
      const message = `The matrix has no axis ${quote(axis)}; it knows ${list(names)}.${didYouMean(axis, names)}`;
      findings.error('matrix-axis-unknown', [...entry.path, axis], message, 'key');
    }
  }
  for (const entry of matrix.include) {
    const missing = names.filter((axis) => !entry.values.has(axis));
    if (missing.length === 0) continue;
    const message = `This variant has no value for ${list(missing)}; every variant names the same axes.`;
    findings.error('matrix-axis-missing', entry.path, message);
  }
  const made = combinations(matrix);
  if (made > MAX_COMBINATIONS) {
    const message = `The matrix has ${made} combinations; a job has at most ${MAX_VARIANTS} variants: take values away.`;
    findings.error('matrix-too-large', path, message, 'key');
    return 1;
  }
  const variants = expandMatrix(matrix);
  if (variants.length === 0) {
    const message = 'The matrix has no variant, so the job would never run; add values, or remove `matrix`.';
    findings.error('matrix-empty', path, message, 'key');
    return 1;
  }
  if (variants.length > MAX_VARIANTS) {
    const message = `The matrix has ${variants.length} variants; a job has at most ${MAX_VARIANTS}: take values away or exclude some.`;
    findings.error('matrix-too-large', path, message, 'key');
    return 1;
  }
  checkUse(matrix, findings);
  return variants.length;
}

function checkSpelling(matrix: Matrix, path: readonly PathPart[], findings: FindingCollector): void {
  for (const axis of new Set([...matrix.axes.keys(), ...matrix.include.flatMap(({ values }) => [...values.keys()])])) {
    if (AXIS.test(axis)) continue;
    const at = matrix.axes.has(axis) ? [...path, axis] : [...path, 'include'];
    const message = `${quote(axis)} is not a name of an axis; write 1 to 31 of \`a-z\`, \`0-9\`, \`_\`, beginning with a letter.`;
    findings.error('bad-name', at, message, 'key');
  }
  const entries = [...matrix.include, ...matrix.exclude].flatMap(({ values }) => [...values.values()]);
  for (const { text, path: at } of [...[...matrix.axes.values()].flat(), ...entries]) {
    if (VALUE.test(text)) continue;
    const message = `${quote(text)} is refused as a value of a matrix; write 1 to 200 letters, digits and \`_\`, \`.\`, \`:\`, \`@\`, \`+\`, \`/\`, \`-\`, without blanks.`;
    findings.error('bad-value', at, message);
  }
}

function checkUse(matrix: Matrix, findings: FindingCollector): void {
  const all = expandMatrix({ ...matrix, exclude: [], include: [] });
  const known = axisNames(matrix);
  for (const entry of matrix.exclude) {
    if ([...entry.values.keys()].some((axis) => !known.includes(axis))) continue;
    if (all.some((cell) => excludes(entry, cell))) continue;
    findings.warning(
      'matrix-exclude-unused',
      entry.path,
      'No variant has these values, so nothing is excluded; remove the entry.',
    );
  }
  for (const [, values] of matrix.axes)
    reportDoubles(
      values.map(({ text, path }) => ({ name: text, path })),
      findings,
    );
  const left = expandMatrix({ ...matrix, include: [] });
  reportDoubles(
    [
      ...left.map((cell) => ({ name: variantName('', cell), path: undefined })),
      ...matrix.include.map(({ values, path }) => {
        const cell = known.map((axis): [string, string] => [axis, values.get(axis)?.text ?? '']);
        return { name: variantName('', Object.fromEntries(cell)), path };
      }),
    ],
    findings,
  );
}

function reportDoubles(
  entries: readonly { readonly name: string; readonly path: readonly PathPart[] | undefined }[],
  findings: FindingCollector,
): void {
  const seen = new Set<string>();
  for (const { name, path } of entries) {
    if (seen.has(name) && path)
      findings.warning('duplicate-entry', path, `${quote(name)} stands twice in the matrix; remove one.`);
    seen.add(name);
  }
}

/** `image: { matrix: axis }` hands an image reference through as it stands; nothing is ever put together from parts. */
function checkImages(job: LooseJob, matrix: Matrix | undefined, findings: FindingCollector): void {
  const chosen = [
    { value: job.value['image'], path: [...job.path, 'image'] },
    ...membersOf(job.value['services'], [...job.path, 'services']).map(({ value, path }) => ({
      value: asMap(value)?.['image'],
      path: [...path, 'image'],
    })),
  ];
  for (const { value, path } of chosen) {
    const axis = asMap(value)?.['matrix'];
    if (typeof axis !== 'string') continue;
    const names = matrix === undefined ? [] : axisNames(matrix);
    if (matrix === undefined || !names.includes(axis)) {
      const message =
        matrix === undefined
          ? 'The job has no matrix to choose the image by; write `matrix`, or name the image.'
          : `The matrix has no axis ${quote(axis)}; it knows ${list(names)}.${didYouMean(axis, names)}`;
      findings.error('matrix-axis-unknown', [...path, 'matrix'], message);
      continue;
    }
    const included = matrix.include.flatMap(({ values }) => values.get(axis) ?? []);
    for (const { text, path: at } of [...(matrix.axes.get(axis) ?? []), ...included]) {
      const result = parseImageReference(text);
      if (result.ok) continue;
      const message = `${quote(text)} is refused as an image: ${result.problem}. Write a reference such as \`node:24\`.`;
      findings.error('bad-image', at, message);
    }
  }
}

function list(names: readonly string[]): string {
  return names.length === 0 ? 'none' : names.map((name) => `\`${name}\``).join(', ');
}
