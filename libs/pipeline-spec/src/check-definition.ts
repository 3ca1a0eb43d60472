import { checkArtifacts } from './check-artifacts.ts';
import { ConditionChecker } from './check-conditions.ts';
import { checkHosts } from './check-hosts.ts';
import { checkInputs } from './check-inputs.ts';
import { checkMatrices } from './check-matrix.ts';
import { checkNeeds } from './check-needs.ts';
import { checkOutputs } from './check-outputs.ts';
import { checkStages } from './check-stages.ts';
import { checkTriggers } from './check-triggers.ts';
import { ValueChecker } from './check-values.ts';
import { FindingCollector } from './collect-findings.ts';
import type { CheckedDefinition } from './definition.ts';
import { MAX_JOBS } from './file-schema.ts';
import { orderOf } from './job-order.ts';
import { asMap, jobsOf } from './loose-tree.ts';
import { MAX_BYTES, parseYaml, readTree, reportSyntax } from './read-yaml.ts';
import { checkShape } from './shape-findings.ts';
import { toDefinition } from './to-definition.ts';

const FIRST_PLACE = { line: 1, column: 1 };

/**
 * Reads the text of a `sluice.yaml`. Whatever the text holds, the answer is a value: the definition when nothing is wrong,
 * and every finding at once, in the order of the file. `file` is only the name that findings carry.
 */
export function checkDefinition(text: string, file: string): CheckedDefinition {
  try {
    return check(text, file);
  } catch (trouble) {
    const findings = new FindingCollector(file, () => FIRST_PLACE);
    const why = trouble instanceof Error ? trouble.name : 'unknown trouble';
    findings.error(
      'unreadable',
      [],
      `The checker itself failed on this file (${why}), which is a fault of Sluice; report it with the file, and simplify the file until it passes.`,
    );
    return { findings: findings.list() };
  }
}

function check(text: string, file: string): CheckedDefinition {
  if (typeof text !== 'string')
    return single('invalid-yaml', 'The definition is not text; give the content of a YAML file.', file);
  // One character is at least one byte, so a huge text is refused before it is encoded.
  const bytes = text.length > MAX_BYTES ? text.length : new TextEncoder().encode(text).length;
  if (bytes > MAX_BYTES) {
    return single(
      'file-too-large',
      `The file has more than ${MAX_BYTES / 1024} KiB; move long scripts into files of the repository and call them.`,
      file,
    );
  }
  const { document, position } = parseYaml(text);
  const findings = new FindingCollector(file, position);
  if (reportSyntax(document, findings)) return { findings: findings.list() };
  if (document.contents === null) {
    return single('missing-key', 'The file is empty; begin with `service:` and the name of the service.', file);
  }
  const { value, places, complete } = readTree(document, findings);
  if (!complete) return { findings: findings.list() };
  findings.placesAre(places);
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
  const shaped = checkShape(value, findings);
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

function single(
  rule: 'invalid-yaml' | 'file-too-large' | 'missing-key',
  message: string,
  file: string,
): CheckedDefinition {
  const findings = new FindingCollector(file, () => FIRST_PLACE);
  findings.error(rule, [], message);
  return { findings: findings.list() };
}
