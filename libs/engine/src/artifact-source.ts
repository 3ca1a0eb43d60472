import type { ArtifactReference } from '@sluice/pipeline-spec';
import { jobKey } from './plan-run.ts';
import type { JobKey } from './plan.ts';
import type { RunState } from './run.ts';

/** Where the files of an artifact that a job uses come from. */
export type ArtifactSource =
  | { readonly kind: 'left'; readonly runId: string; readonly jobKey: JobKey; readonly name: string }
  /** The job was skipped, or was allowed to fail: there is nothing to wait for. */
  | { readonly kind: 'none' };

/** A job that a re-run took over left its artifacts in the run that really did it. */
export function artifactSource(
  state: RunState,
  { stage, job, artifact }: Pick<ArtifactReference, 'stage' | 'job' | 'artifact'>,
): ArtifactSource {
  const key = jobKey(stage, job);
  const producer = state.jobs[key];
  if (producer?.status !== 'passed') return { kind: 'none' };
  return { kind: 'left', runId: producer.carriedFrom ?? state.runId, jobKey: key, name: artifact };
}
