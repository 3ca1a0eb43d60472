import type {
  BuildStage,
  Definition,
  ImageBuildSpec,
  JobSpec,
  JobStage,
  Resources,
  RetryPolicy,
  ServiceContainerSpec,
  StepSpec,
  Triggers,
} from './definition.ts';
import { DEFINITION_VERSION } from './definition.ts';
import type { BranchTriggerFile, DefinitionFile, ImageBuildFile, JobFile, RetryFile } from './file-schema.ts';
import { parseDuration } from './parse-duration.ts';
import { parseMemory } from './parse-memory.ts';
import type { PathPart, Place } from './place.ts';
import { placeAt } from './place.ts';

/** What a file that does not say otherwise means. */
export const DEFAULTS = {
  pushBranches: ['main'],
  pullRequestBranches: ['**'],
  jobTimeoutSeconds: 30 * 60,
  imageBuildTimeoutSeconds: 30 * 60,
  retry: { on: ['lost'], times: 1 },
  resources: { cpus: 2, memoryMiB: 2048, pids: 512 },
  context: '.',
  dockerfile: 'Dockerfile',
  platforms: ['linux/amd64'],
} as const;

const STEP_NAME_LENGTH = 60;

/** Fills in the defaults. The file has passed every check; `places` gives the author's spelling of numbers. */
export function toDefinition(file: DefinitionFile, places: Place): Definition {
  const toStage = (stage: 'commit' | 'test'): JobStage | undefined => {
    const jobs = file[stage]?.jobs;
    if (jobs === undefined) return undefined;
    return { jobs: mapValues(jobs, (job, name) => toJob(job, places, [stage, 'jobs', name])) };
  };
  const [commit, test] = [toStage('commit'), toStage('test')];
  const build: BuildStage | undefined = file.build && { image: toImageBuild(file.build.image, places) };
  return {
    schemaVersion: DEFINITION_VERSION,
    service: file.service,
    ...(file.team !== undefined && { team: file.team }),
    on: toTriggers(file.on),
    ...(commit !== undefined && { commit }),
    ...(build !== undefined && { build }),
    ...(test !== undefined && { test }),
    release: (file.release ?? []).map(({ environment }) => ({ environment })),
  };
}

function toTriggers(on: DefinitionFile['on'] = {}): Triggers {
  const branches = (trigger: BranchTriggerFile | undefined, otherwise: readonly string[]): Triggers['push'] =>
    trigger === undefined ? null : { branches: trigger?.branches === undefined ? otherwise : toList(trigger.branches) };
  // A file that only narrows `paths` still wants to be run by pushes.
  const namesNoTrigger = on.push === undefined && on.pull_request === undefined && on.manual === undefined;
  return {
    push: branches(namesNoTrigger ? null : on.push, DEFAULTS.pushBranches),
    pullRequest: branches(on.pull_request, DEFAULTS.pullRequestBranches),
    paths: toList(on.paths),
    manual: on.manual !== undefined && on.manual !== false,
  };
}

function toJob(job: JobFile, places: Place, path: readonly PathPart[]): JobSpec {
  return {
    image: job.image,
    steps: job.steps.map((step, index) => toStep(step, places, [...path, 'steps', index])),
    needs: unique(toList(job.needs)),
    env: toVariables(job.env, places, [...path, 'env']),
    secrets: unique(job.secrets ?? []),
    services: mapValues(job.services ?? {}, (container, name): ServiceContainerSpec => ({
      image: container.image,
      ...(container.port !== undefined && { port: container.port }),
      ...(container.healthy !== undefined && { healthy: container.healthy }),
      env: toVariables(container.env, places, [...path, 'services', name, 'env']),
    })),
    labels: unique(job.labels ?? []),
    timeoutSeconds: toSeconds(job.timeout) ?? DEFAULTS.jobTimeoutSeconds,
    retry: toRetry(job.retry),
    reports: { junit: toList(job.reports?.junit) },
    resources: toResources(job.resources),
  };
}

function toStep(step: JobFile['steps'][number], places: Place, path: readonly PathPart[]): StepSpec {
  const timeoutSeconds = toSeconds(step.timeout);
  return {
    name: step.name ?? stepNameOf(step.run),
    run: step.run,
    env: toVariables(step.env, places, [...path, 'env']),
    ...(timeoutSeconds !== undefined && { timeoutSeconds }),
  };
}

/** The first line that says something, at most {@link STEP_NAME_LENGTH} characters of it, without control characters. */
export function stepNameOf(run: string): string {
  const line = run.split(/[\r\n]+/).find((candidate) => candidate.trim() !== '') ?? '';
  // oxlint-disable-next-line no-control-regex -- control characters are what is taken out
  const plain = line.replace(/[\u0000-\u001f\u007f]+/g, ' ').trim();
  return [...plain].slice(0, STEP_NAME_LENGTH).join('').trimEnd();
}

function toImageBuild(image: ImageBuildFile, places: Place): ImageBuildSpec {
  return {
    context: image.context ?? DEFAULTS.context,
    dockerfile: image.dockerfile ?? DEFAULTS.dockerfile,
    repository: image.repository,
    ...(image.target !== undefined && { target: image.target }),
    args: toVariables(image.args, places, ['build', 'image', 'args']),
    platforms: unique(image.platforms ?? DEFAULTS.platforms),
    secrets: unique(image.secrets ?? []),
    labels: unique(image.labels ?? []),
    timeoutSeconds: toSeconds(image.timeout) ?? DEFAULTS.imageBuildTimeoutSeconds,
    retry: toRetry(image.retry),
  };
}

function toRetry(retry: RetryFile | undefined): RetryPolicy {
  return { on: unique(retry?.on ?? DEFAULTS.retry.on), times: retry?.times ?? DEFAULTS.retry.times };
}

function toResources(resources: JobFile['resources']): Resources {
  const { cpus, memoryMiB, pids } = DEFAULTS.resources;
  const memory = resources?.memory;
  return {
    cpus: resources?.cpus ?? cpus,
    memoryMiB: (memory === undefined ? undefined : parseMemory(memory)) ?? memoryMiB,
    pids: resources?.pids ?? pids,
  };
}

/** Numbers keep the author's spelling: `VERSION: 1.10` is the text `1.10`, not the number 1.1. */
function toVariables(
  variables: Readonly<Record<string, string | number | boolean>> | undefined,
  places: Place,
  path: readonly PathPart[],
): Readonly<Record<string, string>> {
  return mapValues(variables ?? {}, (value, name) =>
    typeof value === 'string' ? value : (placeAt(places, [...path, name]).source ?? String(value)),
  );
}

function toSeconds(duration: string | number | undefined): number | undefined {
  return duration === undefined ? undefined : parseDuration(duration);
}

function toList(value: string | readonly string[] | undefined): readonly string[] {
  return value === undefined ? [] : typeof value === 'string' ? [value] : value;
}

function unique<Item>(list: readonly Item[]): readonly Item[] {
  return [...new Set(list)];
}

function mapValues<In, Out>(
  map: Readonly<Record<string, In>>,
  change: (value: In, name: string) => Out,
): Record<string, Out> {
  return Object.fromEntries(Object.entries(map).map(([name, value]) => [name, change(value, name)]));
}
