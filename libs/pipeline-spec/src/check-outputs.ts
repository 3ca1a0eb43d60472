import type { FindingCollector } from './collect-findings.ts';
import type { JobOrder } from './job-order.ts';
import { hasMatrix, outputsOf } from './job-order.ts';
import type { LooseJob } from './loose-tree.ts';
import { asMap, entriesOf, membersOf } from './loose-tree.ts';
import { parseOutputReference } from './output-reference.ts';
import type { PathPart } from './place.ts';
import { quote } from './place.ts';
import { didYouMean } from './suggest-name.ts';

/** Outputs are declared by jobs without a matrix, and read by jobs that start after them. */
export function checkOutputs(order: JobOrder, findings: FindingCollector): void {
  for (const job of order.jobs) {
    if (outputsOf(job).length > 0 && hasMatrix(job)) {
      const message =
        'A job with a matrix has no outputs, because each variant would write its own; remove `outputs` or `matrix`.';
      findings.error('matrix-outputs', [...job.path, 'outputs'], message, 'key');
    }
    let before: readonly LooseJob[] | undefined;
    const envs = [
      [...job.path, 'env'],
      ...entriesOf(job.value['steps'], [...job.path, 'steps']).map(({ path }) => [...path, 'env']),
    ];
    const values = [job.value['env'], ...entriesOf(job.value['steps'], []).map(({ value }) => asMap(value)?.['env'])];
    for (const [index, path] of envs.entries()) {
      for (const member of membersOf(values[index], path)) {
        const from = asMap(member.value)?.['from'];
        if (typeof from !== 'string') continue;
        before ??= order.before(job);
        checkReference(from, [...member.path, 'from'], job, before, order, findings);
      }
    }
  }
}

function checkReference(
  from: string,
  path: readonly PathPart[],
  job: LooseJob,
  before: readonly LooseJob[],
  order: JobOrder,
  findings: FindingCollector,
): void {
  const reference = parseOutputReference(from);
  if (reference === undefined) {
    const message = `${quote(from)} is not an output; write \`<stage>.<job>.outputs.<name>\`, such as \`commit.verify.outputs.url\`.`;
    findings.error('bad-output-reference', path, message);
    return;
  }
  const names = before.filter(({ stage }) => stage === reference.stage).map(({ name }) => name);
  const producer = before.find(({ stage, name }) => stage === reference.stage && name === reference.job);
  if (producer === undefined) {
    const exists = order.jobs.some(({ stage, name }) => stage === reference.stage && name === reference.job);
    const message = exists
      ? `The job ${quote(reference.job)} may not have ended when ${quote(job.name)} starts; add it to \`needs\`.`
      : `The ${reference.stage} stage has no job ${quote(reference.job)}.${didYouMean(reference.job, names)}`;
    findings.error(
      'output-not-reachable',
      path,
      exists ? message : `${message} Name a job that this one needs, or one of an earlier stage.`,
    );
    return;
  }
  const outputs = outputsOf(producer);
  if (outputs.includes(reference.output)) return;
  const known =
    outputs.length === 0 ? 'it declares none' : `it declares ${outputs.map((name) => `\`${name}\``).join(', ')}`;
  findings.error(
    'output-unknown',
    path,
    `The job ${quote(producer.name)} has no output ${quote(reference.output)}; ${known}: add it to its \`outputs\`.${didYouMean(reference.output, outputs)}`,
  );
}
