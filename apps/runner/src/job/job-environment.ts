import type { LeaseGrant } from '@sluice/protocol';

/**
 * Variables of a step. Branch names and the like are untrusted and reach a command here and nowhere else. What the definition says wins
 * over secrets of the same name only for a single step; SLUICE_* cannot be overwritten.
 */
export function stepEnvironment(
  grant: LeaseGrant,
  jobEnv: Readonly<Record<string, string>>,
  stepEnv: Readonly<Record<string, string>>,
  outputFile: string,
): Record<string, string> {
  const { run, job } = grant;
  const [, branch] = /^(?:refs\/heads\/)?((?!refs\/).+)$/.exec(run.ref) ?? [];
  return {
    CI: 'true',
    ...jobEnv,
    ...Object.fromEntries(grant.secrets.map(({ name, value }) => [name, value])),
    ...stepEnv,
    SLUICE_COMMIT: run.commit,
    SLUICE_REF: run.ref,
    SLUICE_BRANCH: branch ?? '',
    SLUICE_RUN_NUMBER: String(run.number),
    SLUICE_SERVICE: run.service,
    SLUICE_JOB: job.key,
    SLUICE_ATTEMPT: String(job.attempt),
    SLUICE_OUTPUT: outputFile,
  };
}
