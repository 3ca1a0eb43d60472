import { conditionProblem } from './check-condition.ts';
import type { FindingCollector } from './collect-findings.ts';
import type { ConditionScope, ConditionType } from './condition-scope.ts';
import { axisNames, readMatrix } from './expand-matrix.ts';
import type { JobOrder } from './job-order.ts';
import { hasMatrix, outputsOf } from './job-order.ts';
import type { LooseJob, LooseMap } from './loose-tree.ts';
import { asMap, entriesOf, membersOf } from './loose-tree.ts';
import type { PathPart, Place } from './place.ts';
import { placeAt } from './place.ts';

/** Checks every `if` and `when` of a file; a mistake inside a condition is reported at its own column. */
export class ConditionChecker {
  readonly #text: string;
  readonly #places: Place;
  readonly #findings: FindingCollector;
  /** A file with more bad conditions than this has another problem than spelling. */
  #left = 100;

  constructor(text: string, places: Place, findings: FindingCollector) {
    this.#text = text;
    this.#places = places;
    this.#findings = findings;
  }

  check(root: LooseMap, order: JobOrder): void {
    const inputs = inputTypes(root);
    const image = asMap(asMap(root['build'])?.['image']);
    const commit = order.jobs.filter(({ stage }) => stage === 'commit');
    this.#condition(image?.['if'], ['build', 'image', 'if'], () => scopeOf(inputs, commit, order, false, {}));
    for (const job of order.jobs) {
      const names = axisNames(readMatrix(job.value['matrix'], [...job.path, 'matrix'], this.#places) ?? EMPTY);
      const matrix = Object.fromEntries(names.map((axis): [string, ConditionType] => [axis, 'text']));
      const before = (): readonly LooseJob[] => order.before(job);
      const built = job.stage === 'test' && order.hasBuild;
      this.#condition(job.value['if'], [...job.path, 'if'], () => scopeOf(inputs, before(), order, built, matrix));
      this.#when(job);
      let stepScope: ConditionScope | undefined;
      for (const { value, path } of entriesOf(job.value['steps'], [...job.path, 'steps'])) {
        this.#condition(
          asMap(value)?.['if'],
          [...path, 'if'],
          () => (stepScope ??= scopeOf(inputs, before(), order, built, matrix, outputsOf(job))),
        );
      }
    }
  }

  #when(job: LooseJob): void {
    if (job.value['when'] !== 'failure' || entriesOf(job.value['needs'], []).length > 0) return;
    this.#findings.error(
      'when-without-needs',
      [...job.path, 'when'],
      '`when: failure` waits for a job that fails, and this job needs none; name the jobs under `needs`.',
    );
  }

  #condition(value: unknown, path: readonly PathPart[], scope: () => ConditionScope): void {
    if (typeof value !== 'string' || this.#left === 0) return;
    const problem = conditionProblem(value, scope());
    if (problem === undefined) return;
    this.#left--;
    const { offset, end } = placeAt(this.#places, path);
    const inside = this.#text.slice(offset, end).indexOf(value);
    // A text with escapes or folded lines has no place of its own for each character.
    const at = { offset: inside === -1 ? offset : offset + inside + problem.start };
    this.#findings.error('bad-condition', path, problem.message, at);
  }
}

const EMPTY = { axes: new Map(), include: [], exclude: [] } as const;

/** Declared inputs with their types, whatever else is wrong with them. */
function inputTypes(root: LooseMap): Record<string, ConditionType> {
  const inputs = asMap(asMap(asMap(root['on'])?.['manual'])?.['inputs']);
  return Object.fromEntries(
    membersOf(inputs, []).map(({ name, value }): [string, ConditionType] => {
      const type = asMap(value)?.['type'];
      return [name, type === 'number' || type === 'boolean' ? type : 'text'];
    }),
  );
}

function scopeOf(
  inputs: Record<string, ConditionType>,
  before: readonly LooseJob[],
  order: JobOrder,
  built: boolean,
  matrix: Record<string, ConditionType>,
  outputs?: readonly string[],
): ConditionScope {
  const absent = new Map<string, string>();
  const stages: Record<'commit' | 'test', Record<string, ConditionType>> = { commit: {}, test: {} };
  // In the order of the file, as findings list them.
  const ended = new Set(before);
  for (const job of order.jobs.filter((one) => ended.has(one))) {
    const written = hasMatrix(job) ? [] : outputsOf(job);
    stages[job.stage][job.name] = {
      status: 'text',
      ...(written.length > 0 && { outputs: textEach(written) }),
    };
  }
  for (const { stage, name } of order.jobs) {
    if (Object.hasOwn(stages[stage], name)) continue;
    absent.set(
      `${stage}.${name}`,
      `\`${stage}.${name}\` has not ended when this is decided; add it to \`needs\`, or name a job of an earlier stage.`,
    );
  }
  for (const stage of ['commit', 'build', 'test'])
    absent.set(stage, `No job of the ${stage} stage has ended when this is decided; name it under \`needs\` first.`);
  absent.set('inputs', 'The file declares no inputs; write `on: { manual: { inputs: { ... } } }` first.');
  absent.set('matrix', 'This job has no matrix; write `matrix` first.');
  absent.set(
    'outputs',
    'Only a step may ask for the outputs of its own job, and the job must declare them under `outputs`.',
  );
  return {
    absent,
    names: {
      branch: 'text',
      tag: 'text',
      event: 'text',
      ...(Object.keys(inputs).length > 0 && { inputs }),
      ...(Object.keys(matrix).length > 0 && { matrix }),
      ...(Object.keys(stages.commit).length > 0 && { commit: stages.commit }),
      ...(built && { build: { image: { status: 'text' } } }),
      ...(Object.keys(stages.test).length > 0 && { test: stages.test }),
      ...(outputs && outputs.length > 0 && { outputs: textEach(outputs) }),
    },
  };
}

function textEach(names: readonly string[]): Record<string, ConditionType> {
  return Object.fromEntries(names.map((name): [string, ConditionType] => [name, 'text']));
}
