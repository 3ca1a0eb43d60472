import type { ConditionFacts, JobFacts, OutputReference } from '@sluice/pipeline-spec';
import { isTerminal } from './statuses.ts';
import type { Status } from './statuses.ts';
import { jobKey } from './plan-run.ts';
import type { JobKey, PlannedJob } from './plan.ts';
import type { JobState, RunState } from './run.ts';

/** What the conditions of a job and of its steps are decided by, as things stand. */
export function conditionFacts(state: RunState, job: PlannedJob): ConditionFacts {
  const jobs = {
    commit: new Map<string, JobFacts>(),
    build: new Map<string, JobFacts>(),
    test: new Map<string, JobFacts>(),
  };
  for (const planned of state.plan.jobs) {
    const name = groupOf(planned);
    if (jobs[planned.stage].has(name)) continue;
    const written = state.jobs[planned.key]?.outputs ?? {};
    jobs[planned.stage].set(name, {
      status: groupStatus(state, planned.stage, name),
      outputs: Object.fromEntries(planned.outputs.map((output) => [output, written[output] ?? ''])),
    });
  }
  return {
    ...state.plan.facts,
    matrix: job.variant?.values ?? {},
    jobs: {
      commit: Object.fromEntries(jobs.commit),
      build: Object.fromEntries(jobs.build),
      test: Object.fromEntries(jobs.test),
    },
  };
}

/** The variables that hold outputs of earlier jobs; one whose job did not pass is left out. */
export function outputVariables(
  state: RunState,
  envFrom: Readonly<Record<string, OutputReference>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(envFrom).flatMap(([variable, { stage, job, output }]): [string, string][] => {
      const value = state.jobs[jobKey(stage, job)]?.outputs?.[output];
      return value === undefined ? [] : [[variable, value]];
    }),
  );
}

/** The name that the file has: all variants of a matrix share it. */
export function groupOf({ name, variant }: Pick<PlannedJob, 'name' | 'variant'>): string {
  return variant?.of ?? name;
}

const WEIGHT = ['failed', 'errored', 'cancelled', 'passed', 'skipped'] as const satisfies readonly Status[];

function groupStatus(state: RunState, stage: PlannedJob['stage'], name: string): Status {
  const jobs = membersOf(state, stage, name);
  const open = jobs.find(({ status }) => !isTerminal(status));
  return open?.status ?? WEIGHT.find((status) => jobs.some((job) => job.status === status)) ?? 'skipped';
}

function membersOf(state: RunState, stage: PlannedJob['stage'], name: string): JobState[] {
  const keys: JobKey[] = state.plan.jobs.flatMap((planned) =>
    planned.stage === stage && groupOf(planned) === name ? [planned.key] : [],
  );
  return keys.flatMap((key) => state.jobs[key] ?? []);
}
