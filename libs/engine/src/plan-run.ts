import type { JobStage, StageName } from '@sluice/pipeline-spec';
import { PLAN_VERSION } from './plan.ts';
import type { JobKey, Plan, PlanInput, PlannedJob } from './plan.ts';

/** Stages run strictly in this order; none is named as a need of another. */
export const STAGE_ORDER = ['commit', 'build', 'test', 'release'] as const satisfies readonly StageName[];

export function jobKey(stage: StageName, name: string): JobKey {
  return `${stage}/${name}`;
}

/**
 * Turns a checked definition into the jobs of one run. The same definition and commit always give the same plan,
 * so a re-run can store and reuse it. Without a build stage there is nothing to release: the route is then empty.
 */
export function plan({ definition, commit }: PlanInput): Plan {
  return {
    schemaVersion: PLAN_VERSION,
    service: definition.service,
    commit,
    jobs: [
      ...planSteps('commit', definition.commit),
      ...(definition.build ? [planImage(definition.build.image)] : []),
      ...planSteps('test', definition.test),
    ],
    release: definition.build ? definition.release.map(({ environment }) => ({ environment })) : [],
  };
}

function planSteps(stage: 'commit' | 'test', jobs: JobStage | undefined): PlannedJob[] {
  return Object.entries(jobs?.jobs ?? {}).map(([name, spec]) => ({
    key: jobKey(stage, name),
    stage,
    name,
    needs: spec.needs.map((need) => jobKey(stage, need)),
    work: { kind: 'steps', spec },
    labels: spec.labels,
    secrets: spec.secrets,
    timeoutSeconds: spec.timeoutSeconds,
    retry: spec.retry,
  }));
}

function planImage(spec: Extract<PlannedJob['work'], { kind: 'image' }>['spec']): PlannedJob {
  return {
    key: jobKey('build', 'image'),
    stage: 'build',
    name: 'image',
    needs: [],
    work: { kind: 'image', spec },
    labels: spec.labels,
    secrets: spec.secrets,
    timeoutSeconds: spec.timeoutSeconds,
    retry: spec.retry,
  };
}
