import { checkArtifacts } from './check-artifacts.ts';
import { ConditionChecker } from './check-conditions.ts';
import { checkGenerators } from './check-generators.ts';
import { checkHosts } from './check-hosts.ts';
import { checkInputs } from './check-inputs.ts';
import { checkMatrices } from './check-matrix.ts';
import { checkNeeds } from './check-needs.ts';
import { checkOutputs } from './check-outputs.ts';
import { checkStages } from './check-stages.ts';
import { checkTriggers } from './check-triggers.ts';
import { ValueChecker } from './check-values.ts';
import type { FindingCollector } from './collect-findings.ts';
import type { CheckedDefinition } from './definition.ts';
import { fileSchema, MAX_JOBS } from './file-schema.ts';
import { orderOf } from './job-order.ts';
import { asMap, jobsOf } from './loose-tree.ts';
import { orUnreadable, readText } from './read-text.ts';
import { checkShape } from './shape-findings.ts';
import { toDefinition } from './to-definition.ts';

/**
 * Reads the text of a `sluice.yaml`. Whatever the text holds, the answer is a value: the definition when nothing is wrong,
 * and every finding at once, in the order of the file. `file` is only the name that findings carry.
 */
export function checkDefinition(text: string, file: string): CheckedDefinition {
  return orUnreadable(file, () => check(text, file));
}

function check(text: string, file: string): CheckedDefinition {
  const read = readText(text, file, 'begin with `service:` and the name of the service');
  const { findings } = read;
  if (read.kind === 'unreadable') return { findings: findings.list() };
  const { value, places } = read;
  const root = asMap(value);
  if (root !== undefined) {
    const withinLimit = dropJobsAboveLimit(root as Record<string, unknown>, findings);
    const jobs = jobsOf(root);
    // Above the limit a need may well name a job that was dropped.
    for (const stage of withinLimit ? (['commit', 'test'] as const) : []) {
      checkNeeds(
        stage,
        jobs.filter((job) => job.stage === stage),
        findings,
      );
    }
    checkStages(root, jobs, findings);
    checkHosts(jobs, findings);
    checkMatrices(jobs, places, findings);
    checkGenerators(jobs, findings);
    checkInputs(root, findings);
    checkTriggers(root, findings);
    if (withinLimit) {
      const order = orderOf(root, jobs);
      checkOutputs(order, findings);
      checkArtifacts(order, findings);
      new ConditionChecker(text, places, findings).check(root, order);
    }
    new ValueChecker(text, places, findings).check(root, jobs);
  }
  const shaped = checkShape(fileSchema, value, findings);
  if (shaped === undefined || findings.hasErrors) return { findings: findings.list() };
  return { definition: toDefinition(shaped, places), findings: findings.list() };
}

/** Ten thousand jobs are one mistake, not ten thousand: what is above the limit is not looked at further. */
function dropJobsAboveLimit(root: Record<string, unknown>, findings: FindingCollector): boolean {
  let left = MAX_JOBS;
  let withinLimit = true;
  for (const stage of ['commit', 'test']) {
    const jobs = asMap(asMap(root[stage])?.['jobs']);
    const names = Object.keys(jobs ?? {});
    const [first] = names.slice(left);
    if (first !== undefined) {
      if (withinLimit) {
        const message = `This is job ${MAX_JOBS + 1}; a definition has at most ${MAX_JOBS} jobs: split the service or join jobs.`;
        findings.error('too-many-jobs', [stage, 'jobs', first], message, 'key');
      }
      withinLimit = false;
      const kept = Object.entries(jobs ?? {}).slice(0, left);
      if (kept.length > 0) root[stage] = { ...asMap(root[stage]), jobs: Object.fromEntries(kept) };
      else delete root[stage];
    }
    left = Math.max(0, left - names.length);
  }
  return withinLimit;
}
