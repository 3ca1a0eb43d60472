import type { FindingCollector } from './collect-findings.ts';
import { hasMatrix } from './job-order.ts';
import type { LooseJob } from './loose-tree.ts';

/** Variants would write the same names. */
export function checkGenerators(jobs: readonly LooseJob[], findings: FindingCollector): void {
  for (const job of jobs) {
    if (job.value['generate'] === undefined || !hasMatrix(job)) continue;
    const message =
      'A job with a matrix generates no jobs, because each variant would write its own; remove `generate` or `matrix`. The generated jobs may have one.';
    findings.error('generate-in-matrix', [...job.path, 'generate'], message, 'key');
  }
}
