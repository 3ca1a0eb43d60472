import { checkArtifacts } from './check-artifacts.ts';
import { ConditionChecker } from './check-conditions.ts';
import { checkHosts } from './check-hosts.ts';
import { checkMatrices } from './check-matrix.ts';
import { checkNeeds } from './check-needs.ts';
import { checkOutputs } from './check-outputs.ts';
import { checkStages } from './check-stages.ts';
import { ValueChecker } from './check-values.ts';
import type { FindingCollector } from './collect-findings.ts';
import type { CheckedFragment } from './definition.ts';
import { fragmentSchema } from './file-schema.ts';
import { orderOf } from './job-order.ts';
import type { LooseJob, LooseMap } from './loose-tree.ts';
import { asMap, entriesOf, jobsOf, membersOf } from './loose-tree.ts';
import type { Place } from './place.ts';
import { quote } from './place.ts';
import { orUnreadable, readText } from './read-text.ts';
import { checkShape } from './shape-findings.ts';
import { toJobs } from './to-definition.ts';

/** Where a fragment comes from, and what is there already. */
export interface FragmentOrigin {
  /** Text of the definition that the run was made from; it has passed its check. */
  readonly definitionText: string;
  readonly stage: 'commit' | 'test';
  /** Name of the job that wrote the fragment. */
  readonly job: string;
  /** Jobs that the stage has by now, with the names of their variants (none: no matrix). */
  readonly known: ReadonlyMap<string, readonly string[]>;
  /** How many more jobs the run may have, variants counted. */
  readonly room: number;
}

/**
 * Reads what a job generated, by the rules that hold for the jobs of a definition: it may need and read from those of the
 * definition as if it stood there, after the job that wrote it. Never has a generated job more power than that one:
 * what writes a fragment may be a dependency that nobody has looked at.
 */
export function checkFragment(text: string, file: string, origin: FragmentOrigin): CheckedFragment {
  return orUnreadable(file, () => check(text, file, origin));
}

function check(text: string, file: string, origin: FragmentOrigin): CheckedFragment {
  const read = readText(text, file, 'write `jobs: {}` when there is nothing to do');
  const { findings } = read;
  if (read.kind === 'unreadable') return { findings: findings.list() };
  const { value, places } = read;
  const jobs = looseJobs(value, origin);
  if (jobs.length > origin.room) {
    tooMany(jobs.length, origin, findings);
    return { findings: findings.list() };
  }
  checkJobs(text, jobs, places, origin, findings);
  const shaped = checkShape(fragmentSchema, value, findings);
  if (shaped === undefined || findings.hasErrors) return { findings: findings.list() };
  const made = toJobs(shaped.jobs, places, ['jobs'], variantsOf(origin));
  const count = Object.keys(made).length;
  if (count <= origin.room) return { jobs: made, findings: findings.list() };
  tooMany(count, origin, findings);
  return { findings: findings.list() };
}

function looseJobs(value: unknown, { stage }: FragmentOrigin): LooseJob[] {
  return membersOf(asMap(value)?.['jobs'], ['jobs']).flatMap(({ name, value: job, path }) => {
    const map = asMap(job);
    return map === undefined ? [] : [{ stage, name, path, value: map }];
  });
}

function checkJobs(
  text: string,
  jobs: readonly LooseJob[],
  places: Place,
  origin: FragmentOrigin,
  findings: FindingCollector,
): void {
  const { stage, room } = origin;
  const root = definitionOf(origin);
  const theirs = jobsOf(root);
  const generator = theirs.find((job) => job.stage === stage && job.name === origin.job);
  if (generator === undefined) throw new RangeError('The definition lacks the job that generates.');
  const inStage = theirs.filter((job) => job.stage === stage);
  // Those of the definition are checked already: here they are names, and none of them can need a generated one.
  checkNeeds(stage, [...inStage.map((job) => ({ ...job, value: {} })), ...jobs], findings);
  checkStages(root, jobs, findings);
  checkHosts(jobs, findings);
  checkMatrices(jobs, places, findings, room);
  for (const job of jobs) {
    checkName(job, origin, findings);
    checkPower(job, generator, findings);
  }
  const order = orderOf(root, [...theirs, ...jobs], { job: generator, followers: new Set(jobs) });
  checkOutputs(order, findings);
  checkArtifacts(order, findings);
  new ConditionChecker(text, places, findings).check(root, order);
  new ValueChecker(text, places, findings).check({ ...root, build: undefined }, jobs);
}

function definitionOf({ definitionText }: FragmentOrigin): LooseMap {
  const read = readText(definitionText, 'sluice.yaml', 'it was checked before');
  return (read.kind === 'read' ? asMap(read.value) : undefined) ?? {};
}

function checkName({ name, path }: LooseJob, { stage, known }: FragmentOrigin, findings: FindingCollector): void {
  if (!known.has(name)) return;
  const message = `The ${stage} stage has a job ${quote(name)} already; choose another name.`;
  findings.error('generated-name-taken', path, message, 'key');
}

function checkPower({ value, path }: LooseJob, generator: LooseJob, findings: FindingCollector): void {
  for (const [key, what] of [
    ['secrets', 'secret'],
    ['labels', 'label'],
  ] as const) {
    const allowed = new Set(entriesOf(generator.value[key], []).map((entry) => entry.value));
    for (const entry of entriesOf(value[key], [...path, key])) {
      if (typeof entry.value !== 'string' || allowed.has(entry.value)) continue;
      const message = `The job ${quote(generator.name)} has no ${what} ${quote(entry.value)}, so what it generates has none either; add it there, or remove it here.`;
      findings.error('generated-beyond-its-job', entry.path, message);
    }
  }
  if (value['host'] === undefined || generator.value['host'] === true) return;
  const message = `The job ${quote(generator.name)} runs in a container, so what it generates does too; name an \`image\`.`;
  findings.error('generated-beyond-its-job', [...path, 'host'], message, 'key');
}

function variantsOf({ known }: FragmentOrigin): Map<string, readonly string[]> {
  return new Map([...known].filter(([, variants]) => variants.length > 0));
}

function tooMany(count: number, { room }: FragmentOrigin, findings: FindingCollector): void {
  const message = `The file has ${count} jobs, variants counted, and this run has room for ${room}; generate fewer, or join jobs.`;
  findings.error('too-many-generated', ['jobs'], message, 'key');
}
