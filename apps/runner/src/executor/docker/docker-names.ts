/** Containers and volumes of an attempt carry both labels, networks the first: they serve one attempt after the other. The boot sweep finds all by them. */
export const RUNNER_LABEL = 'sluice.runner';
export const ATTEMPT_LABEL = 'sluice.attempt';
export const WORKSPACE = '/workspace';

export interface AttemptNames {
  readonly labels: Record<string, string>;
  /** Name of the attempt's container and volume; what its steps leave in the container begins with it. */
  readonly base: string;
}

export function attemptNames(runner: string, attemptId: string, epoch: number): AttemptNames {
  return { base: `sluice-${attemptId}-${epoch}`, labels: { [RUNNER_LABEL]: runner, [ATTEMPT_LABEL]: attemptId } };
}
