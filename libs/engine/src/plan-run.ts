import type {
  ConditionValue,
  Definition,
  EventFacts,
  ImageBuildSpec,
  JobSpec,
  JobStage,
  StageName,
} from '@sluice/pipeline-spec';
import { inputVariable, matchesAnyPath, patternsOfCondition } from '@sluice/pipeline-spec';
import { PLAN_VERSION } from './plan.ts';
import type { JobKey, Plan, PlanEvent, PlanInput, PlannedJob } from './plan.ts';

/** Stages run strictly in this order; none is named as a need of another. */
export const STAGE_ORDER = ['commit', 'build', 'test', 'release'] as const satisfies readonly StageName[];

export function jobKey(stage: StageName, name: string): JobKey {
  return `${stage}/${name}`;
}

/**
 * Turns a checked definition into the jobs of one run. The same definition, commit and event always give the same plan,
 * so a re-run can store and reuse it. Without a build stage there is nothing to release: the route is then empty.
 */
export function plan({ definition, commit, event }: PlanInput): Plan {
  const facts = factsOf(definition, event);
  const inputs = inputVariables(facts);
  return {
    schemaVersion: PLAN_VERSION,
    service: definition.service,
    commit,
    facts,
    ...concurrencyOf(definition, facts),
    ...(definition.priority !== undefined && { priority: definition.priority }),
    stageTimeouts: {
      ...timeoutOf('commit', definition),
      ...timeoutOf('build', definition),
      ...timeoutOf('test', definition),
    },
    jobs: [
      ...planSteps('commit', definition.commit, inputs),
      ...(definition.build ? [planImage(definition.build.image)] : []),
      ...planSteps('test', definition.test, inputs),
    ],
    release: definition.build ? definition.release.map(({ environment }) => ({ environment })) : [],
  };
}

/** Of a pull request only the newest state counts; on a branch each push may be what somebody wants to release. */
function concurrencyOf({ concurrency = {} }: Definition, { event }: EventFacts): Pick<Plan, 'concurrency'> {
  const { group, max } = concurrency;
  const cancel = concurrency.cancel ?? (event === 'pull_request' ? 'superseded' : 'none');
  if (max === undefined && cancel === 'none') return {};
  return {
    concurrency: {
      ...(max !== undefined && { limit: { ...(group !== undefined && { group }), max } }),
      ...(cancel === 'superseded' && { cancel }),
    },
  };
}

/** What `changed()` is asked for is answered here: the list of paths may be long, and a re-run must get the same answers. */
function factsOf(definition: Definition, { event, ref, changedPaths, inputs = {} }: PlanEvent): EventFacts {
  const chosen = Object.entries(definition.on.inputs).map(([name, input]): [string, ConditionValue] => {
    const given = Object.hasOwn(inputs, name) ? inputs[name] : undefined;
    return [name, given ?? input.default];
  });
  return {
    event,
    branch: shortName(ref, 'refs/heads/'),
    tag: shortName(ref, 'refs/tags/'),
    changed: Object.fromEntries(
      changedPatterns(definition).map((pattern) => [
        pattern,
        changedPaths === null || matchesAnyPath([pattern], changedPaths),
      ]),
    ),
    inputs: Object.fromEntries(chosen),
  };
}

/** The patterns that conditions ask `changed()` for: without any, nobody needs to know which paths differ. */
export function changedPatterns(definition: Definition): string[] {
  return [...new Set(conditionsOf(definition).flatMap(patternsOfCondition))];
}

function conditionsOf({ commit, build, test }: Definition): string[] {
  const jobs = [...Object.values(commit?.jobs ?? {}), ...Object.values(test?.jobs ?? {})];
  const all = [build?.image.if, ...jobs.flatMap((job) => [job.if, ...job.steps.map((step) => step.if)])];
  return all.filter((condition) => condition !== undefined);
}

function shortName(ref: string, prefix: string): string {
  return ref.startsWith(prefix) ? ref.slice(prefix.length) : '';
}

function timeoutOf(stage: 'commit' | 'build' | 'test', definition: Definition): Plan['stageTimeouts'] {
  const seconds = definition[stage]?.timeoutSeconds;
  return seconds === undefined ? {} : { [stage]: seconds };
}

/** The jobs of a checked fragment. Each needs the job that generated it, so it is done again whenever that one is. */
export function planGenerated(
  { facts }: Plan,
  { key, stage }: PlannedJob,
  jobs: Readonly<Record<string, JobSpec>>,
): PlannedJob[] {
  if (stage === 'build') throw new RangeError('The build stage generates nothing.');
  return planSteps(stage, { jobs }, inputVariables(facts)).map((job) => ({
    ...job,
    needs: [key, ...job.needs.filter((need) => need !== key)],
    generatedBy: key,
  }));
}

function inputVariables({ inputs }: EventFacts): Record<string, string> {
  return Object.fromEntries(Object.entries(inputs).map(([name, value]) => [inputVariable(name), String(value)]));
}

function planSteps(
  stage: 'commit' | 'test',
  jobs: JobStage | undefined,
  inputs: Readonly<Record<string, string>>,
): PlannedJob[] {
  return Object.entries(jobs?.jobs ?? {}).map(([name, spec]) => ({
    key: jobKey(stage, name),
    stage,
    name,
    needs: spec.needs.map((need) => jobKey(stage, need)),
    when: spec.when,
    ...(spec.if !== undefined && { if: spec.if }),
    allowFailure: spec.allowFailure,
    outputs: spec.outputs,
    ...(spec.variant && { variant: spec.variant }),
    work: { kind: 'steps', spec: { ...spec, env: { ...inputs, ...spec.env } } },
    labels: spec.labels,
    secrets: spec.secrets,
    timeoutSeconds: spec.timeoutSeconds,
    retry: spec.retry,
  }));
}

function planImage(spec: ImageBuildSpec): PlannedJob {
  return {
    key: jobKey('build', 'image'),
    stage: 'build',
    name: 'image',
    needs: [],
    when: 'success',
    ...(spec.if !== undefined && { if: spec.if }),
    allowFailure: false,
    outputs: [],
    work: { kind: 'image', spec },
    labels: spec.labels,
    secrets: spec.secrets,
    timeoutSeconds: spec.timeoutSeconds,
    retry: spec.retry,
  };
}
