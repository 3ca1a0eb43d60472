import type {
  BuildStage,
  CacheSpec,
  ConcurrencySpec,
  Definition,
  ImageBuildSpec,
  InputSpec,
  JobSpec,
  JobStage,
  JobVariant,
  OutputReference,
  Resources,
  RetryPolicy,
  ServiceContainerSpec,
  StepSpec,
  Triggers,
} from './definition.ts';
import { DEFINITION_VERSION } from './definition.ts';
import { expandMatrix, matrixVariable, readMatrix, variantName } from './expand-matrix.ts';
import type {
  BranchTriggerFile,
  DefinitionFile,
  ImageBuildFile,
  InputFile,
  JobFile,
  RetryFile,
} from './file-schema.ts';
import { parseArtifactReference } from './artifact-reference.ts';
import { parseOutputReference } from './output-reference.ts';
import { parseDuration } from './parse-duration.ts';
import { parseMemory } from './parse-memory.ts';
import type { PathPart, Place } from './place.ts';
import { placeAt } from './place.ts';

/** What a file that does not say otherwise means. */
export const DEFAULTS = {
  pushBranches: ['main'],
  pullRequestBranches: ['**'],
  tagPatterns: ['**'],
  jobTimeoutSeconds: 30 * 60,
  imageBuildTimeoutSeconds: 30 * 60,
  retry: { on: ['lost'], times: 1 },
  resources: { cpus: 2, memoryMiB: 2048, pids: 512 },
  context: '.',
  dockerfile: 'Dockerfile',
  platforms: ['linux/amd64'],
  timezone: 'UTC',
} as const;

const STEP_NAME_LENGTH = 60;

/** Fills in the defaults. The file has passed every check; `places` gives the author's spelling of numbers. */
export function toDefinition(file: DefinitionFile, places: Place): Definition {
  const toStage = (stage: 'commit' | 'test'): JobStage | undefined => {
    const { jobs, timeout } = file[stage] ?? {};
    return jobs && { ...stageTimeout(timeout), jobs: toJobs(jobs, places, [stage, 'jobs']) };
  };
  const [commit, test] = [toStage('commit'), toStage('test')];
  const build: BuildStage | undefined = file.build && {
    ...stageTimeout(file.build.timeout),
    image: toImageBuild(file.build.image, places),
  };
  return {
    schemaVersion: DEFINITION_VERSION,
    service: file.service,
    ...(file.team !== undefined && { team: file.team }),
    on: toTriggers(file.on),
    ...(file.concurrency && { concurrency: toConcurrency(file.concurrency) }),
    ...(file.priority !== undefined && { priority: file.priority }),
    ...(commit !== undefined && { commit }),
    ...(build !== undefined && { build }),
    ...(test !== undefined && { test }),
    release: (file.release ?? []).map(({ environment }) => ({ environment })),
  };
}

/** A group of which nobody says how many may run at once is one for a single run. */
function toConcurrency({ group, max, cancel }: NonNullable<DefinitionFile['concurrency']>): ConcurrencySpec {
  const most = max ?? (group === undefined ? undefined : 1);
  return {
    ...(group !== undefined && { group }),
    ...(most !== undefined && { max: most }),
    ...(cancel !== undefined && { cancel }),
  };
}

function toTriggers(on: DefinitionFile['on'] = {}): Triggers {
  const branches = (trigger: BranchTriggerFile | undefined, otherwise: readonly string[]): Triggers['push'] =>
    trigger === undefined ? null : { branches: trigger?.branches === undefined ? otherwise : toList(trigger.branches) };
  // A file that only narrows `paths` still wants to be run by pushes.
  const schedule = on.schedule ?? [];
  const release = on.release ?? [];
  const inputs = typeof on.manual === 'object' && on.manual !== null ? mapValues(on.manual.inputs ?? {}, toInput) : {};
  const namesNoTrigger =
    [on.push, on.pull_request, on.tag, on.manual].every((trigger) => trigger === undefined) &&
    schedule.length + release.length === 0;
  return {
    push: branches(namesNoTrigger ? null : on.push, DEFAULTS.pushBranches),
    pullRequest: branches(on.pull_request, DEFAULTS.pullRequestBranches),
    ...(on.tag !== undefined && {
      tag: { patterns: on.tag?.patterns === undefined ? DEFAULTS.tagPatterns : toList(on.tag.patterns) },
    }),
    paths: toList(on.paths),
    manual: on.manual !== undefined && on.manual !== false,
    inputs,
    ...(Object.keys(inputs).length > 1 && { inputOrder: Object.keys(inputs) }),
    ...(schedule.length > 0 && {
      schedule: schedule.map(({ cron, timezone = DEFAULTS.timezone, branch }) => ({
        cron: cron.trim().replace(/\s+/g, ' '),
        timezone,
        ...(branch !== undefined && { branch }),
      })),
    }),
    ...(release.length > 0 && {
      release: release.map(({ service, environment }) => ({
        service,
        ...(environment !== undefined && { environment }),
      })),
    }),
  };
}

function toInput({ type = 'text', default: given, options = [], description }: InputFile): InputSpec {
  const about = description === undefined ? {} : { description };
  switch (type) {
    case 'number':
      return { type, default: typeof given === 'number' ? given : 0, ...about };
    case 'boolean':
      return { type, default: given === true, ...about };
    case 'choice':
      return { type, options, default: typeof given === 'string' ? given : (options[0] ?? ''), ...about };
    case 'text':
      return { type, default: typeof given === 'string' ? given : '', ...about };
  }
}

function stageTimeout(timeout: string | number | undefined): { timeoutSeconds?: number } {
  const timeoutSeconds = toSeconds(timeout);
  return timeoutSeconds === undefined ? {} : { timeoutSeconds };
}

/**
 * A job with a matrix becomes its variants, and who needs it needs them all. `variantsElsewhere`: those of jobs that stand in
 * another file.
 */
export function toJobs(
  jobs: Readonly<Record<string, JobFile>>,
  places: Place,
  above: readonly PathPart[],
  variantsElsewhere: ReadonlyMap<string, readonly string[]> = new Map(),
): Record<string, JobSpec> {
  const variants = new Map(
    Object.entries(jobs).map(([name, job]): [string, JobVariant[]] => {
      const matrix = readMatrix(job.matrix, [...above, name, 'matrix'], places);
      return [name, matrix ? expandMatrix(matrix).map((values) => ({ of: name, values })) : []];
    }),
  );
  const namesOf = (job: string): string[] => {
    const made = variants.get(job) ?? [];
    return made.length === 0
      ? [...(variantsElsewhere.get(job) ?? [job])]
      : made.map(({ values }) => variantName(job, values));
  };
  return Object.fromEntries(
    Object.entries(jobs).flatMap(([name, job]): [string, JobSpec][] => {
      const path = [...above, name];
      const needs = unique(toList(job.needs)).flatMap(namesOf);
      const made = variants.get(name) ?? [];
      if (made.length === 0) return [[name, toJob(job, needs, undefined, places, path)]];
      return made.map((variant) => [variantName(name, variant.values), toJob(job, needs, variant, places, path)]);
    }),
  );
}

function toJob(
  job: JobFile,
  needs: readonly string[],
  variant: JobVariant | undefined,
  places: Place,
  path: readonly PathPart[],
): JobSpec {
  const imageOf = (image: NonNullable<JobFile['image']>): string =>
    typeof image === 'string' ? image : (variant?.values[image.matrix] ?? '');
  const given = Object.entries(variant?.values ?? {}).map(([axis, value]) => [matrixVariable(axis), value]);
  return {
    ...(job.image !== undefined && { image: imageOf(job.image) }),
    steps: job.steps.map((step, index) => toStep(step, places, [...path, 'steps', index])),
    needs,
    when: job.when ?? 'success',
    ...(job.if !== undefined && { if: job.if }),
    allowFailure: job.allow_failure ?? false,
    outputs: unique(job.outputs ?? []),
    ...(variant && { variant }),
    env: {
      ...(Object.fromEntries(given) as Record<string, string>),
      ...toVariables(job.env, places, [...path, 'env']),
    },
    envFrom: toReferences(job.env),
    secrets: unique(job.secrets ?? []),
    services: mapValues(job.services ?? {}, (container, name): ServiceContainerSpec => ({
      image: imageOf(container.image),
      ...(container.port !== undefined && { port: container.port }),
      ...(container.healthy !== undefined && { healthy: container.healthy }),
      ...(container.command !== undefined && { command: container.command }),
      env: toVariables(container.env, places, [...path, 'services', name, 'env']),
    })),
    labels: unique(job.labels ?? []),
    timeoutSeconds: toSeconds(job.timeout) ?? DEFAULTS.jobTimeoutSeconds,
    retry: toRetry(job.retry),
    reports: { junit: toList(job.reports?.junit) },
    resources: toResources(job.resources),
    ...(job.artifacts && {
      artifacts: Object.entries(job.artifacts).map(([artifact, paths]) => ({ name: artifact, paths: toList(paths) })),
    }),
    ...(job.use && {
      use: unique(toList(job.use))
        .map(parseArtifactReference)
        .filter((reference) => reference !== undefined),
    }),
    ...(job.cache && { cache: toCaches(job.cache) }),
    ...(job.generate && { generate: { file: job.generate.file } }),
  };
}

function toStep(step: JobFile['steps'][number], places: Place, path: readonly PathPart[]): StepSpec {
  const timeoutSeconds = toSeconds(step.timeout);
  return {
    name: step.name ?? stepNameOf(step.run),
    run: step.run,
    when: step.when ?? 'success',
    ...(step.if !== undefined && { if: step.if }),
    env: toVariables(step.env, places, [...path, 'env']),
    envFrom: toReferences(step.env),
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
    ...(image.if !== undefined && { if: image.if }),
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
  return {
    // Who names exit codes alone means those alone, and still a runner that vanishes.
    on: unique(retry?.on ?? DEFAULTS.retry.on),
    exit: unique(retry?.exit ?? []),
    times: retry?.times ?? DEFAULTS.retry.times,
    delaySeconds: toSeconds(retry?.delay) ?? 0,
    factor: retry?.factor ?? 1,
  };
}

function toCaches(cache: NonNullable<JobFile['cache']>): CacheSpec[] {
  return [cache].flat().map(({ key, files, paths, restore }) => ({
    key,
    files: toList(files),
    paths: toList(paths),
    restore: toList(restore),
  }));
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
  variables: VariablesFile | undefined,
  places: Place,
  path: readonly PathPart[],
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(variables ?? {}).flatMap(([name, value]): [string, string][] => {
      if (typeof value === 'object') return [];
      return [[name, typeof value === 'string' ? value : (placeAt(places, [...path, name]).source ?? String(value))]];
    }),
  );
}

function toReferences(variables: VariablesFile | undefined): Readonly<Record<string, OutputReference>> {
  return Object.fromEntries(
    Object.entries(variables ?? {}).flatMap(([name, value]): [string, OutputReference][] => {
      const reference = typeof value === 'object' ? parseOutputReference(value.from) : undefined;
      return reference ? [[name, reference]] : [];
    }),
  );
}
type VariablesFile = Readonly<Record<string, string | number | boolean | { readonly from: string }>>;

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
