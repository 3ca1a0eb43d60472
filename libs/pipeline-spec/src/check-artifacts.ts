import { parseArtifactReference } from './artifact-reference.ts';
import type { FindingCollector } from './collect-findings.ts';
import type { JobOrder } from './job-order.ts';
import { hasMatrix } from './job-order.ts';
import type { LooseJob } from './loose-tree.ts';
import { entriesOf, membersOf } from './loose-tree.ts';
import type { PathPart } from './place.ts';
import { quote } from './place.ts';
import { didYouMean } from './suggest-name.ts';

/** What a job uses was left behind by a job that has ended when this one starts, and by one job alone. */
export function checkArtifacts(order: JobOrder, findings: FindingCollector): void {
  for (const job of order.jobs) {
    let before: readonly LooseJob[] | undefined;
    for (const { value, path } of entriesOf(job.value['use'], [...job.path, 'use'])) {
      if (typeof value !== 'string') continue;
      before ??= order.before(job);
      checkReference(value, path, job, before, order, findings);
    }
  }
}

function checkReference(
  text: string,
  path: readonly PathPart[],
  job: LooseJob,
  before: readonly LooseJob[],
  order: JobOrder,
  findings: FindingCollector,
): void {
  const reference = parseArtifactReference(text);
  if (reference === undefined) {
    const message = `${quote(text)} is not an artifact; write \`<stage>.<job>.artifacts.<name>\`, such as \`commit.compile.artifacts.dist\`.`;
    findings.error('bad-artifact-reference', path, message);
    return;
  }
  const isMeant = ({ stage, name }: LooseJob) => stage === reference.stage && name === reference.job;
  const producer = before.find(isMeant);
  if (producer === undefined) {
    const names = before.filter(({ stage }) => stage === reference.stage).map(({ name }) => name);
    findings.error(
      'artifact-not-reachable',
      path,
      order.jobs.some(isMeant)
        ? `The job ${quote(reference.job)} may not have ended when ${quote(job.name)} starts; add it to \`needs\`.`
        : `The ${reference.stage} stage has no job ${quote(reference.job)}.${didYouMean(reference.job, names)} Name a job that this one needs, or one of an earlier stage.`,
    );
    return;
  }
  if (hasMatrix(producer)) {
    const message = `${quote(reference.job)} has a matrix, and each variant leaves its own ${quote(reference.artifact)}; name an artifact of a job without a matrix.`;
    findings.error('artifact-of-matrix', path, message);
    return;
  }
  const names = membersOf(producer.value['artifacts'], []).map(({ name }) => name);
  if (names.includes(reference.artifact)) return;
  const known =
    names.length === 0 ? 'it declares none' : `it declares ${names.map((name) => `\`${name}\``).join(', ')}`;
  findings.error(
    'artifact-unknown',
    path,
    `The job ${quote(producer.name)} has no artifact ${quote(reference.artifact)}; ${known}: add it to its \`artifacts\`.${didYouMean(reference.artifact, names)}`,
  );
}
