/** Everything that belongs to an attempt carries both labels; the boot sweep finds it by them. */
export const RUNNER_LABEL = 'sluice.runner';
export const ATTEMPT_LABEL = 'sluice.attempt';
export const WORKSPACE = '/workspace';

export interface AttemptNames {
  readonly labels: Record<string, string>;
  /** Name of the attempt's container, network and volume. */
  readonly base: string;
}

export function attemptNames(runner: string, attemptId: string, epoch: number): AttemptNames {
  return { base: `sluice-${attemptId}-${epoch}`, labels: { [RUNNER_LABEL]: runner, [ATTEMPT_LABEL]: attemptId } };
}
