import { Inject, Injectable } from '@nestjs/common';
import { Kysely } from 'kysely';
import {
  conditionFacts,
  generatesTo,
  outputVariables,
  type PlannedJob,
  type Reason,
  type RunState,
} from '@sluice/engine';
import { MAX_FILE_BYTES, type JobSpec } from '@sluice/pipeline-spec';
import type { LeaseGrant } from '@sluice/protocol';
import type { Db } from '../../platform/db/database.ts';
import { FindUsedArtifacts, StorageSettings } from '../artifacts/index.ts';
import { RunStates } from '../runs/index.ts';
import { registryOf, RegistrySecretError } from '../secrets/index.ts';
import { DispatchSettings } from './dispatch-settings.ts';
import { JobSecrets } from './job-secrets.port.ts';
import type { HeldLease } from './return-lease.ts';

/** `refused`: the job cannot be carried out by any runner; the attempt ends as errored with this reason. */
export type BuiltLease =
  | { readonly kind: 'lease'; readonly lease: LeaseGrant }
  | { readonly kind: 'refused'; readonly reason: Reason }
  | { readonly kind: 'gone' };

/** What the runner gets: its part of the plan, the source, and the secrets of this job only. */
@Injectable()
export class BuildLease {
  readonly #db: Db;
  readonly #secrets: JobSecrets;
  readonly #settings: DispatchSettings;
  readonly #states: RunStates;
  readonly #artifacts: FindUsedArtifacts;
  readonly #storage: StorageSettings;
  constructor(
    @Inject(Kysely) db: Db,
    @Inject(JobSecrets) secrets: JobSecrets,
    settings: DispatchSettings,
    states: RunStates,
    artifacts: FindUsedArtifacts,
    storage: StorageSettings,
  ) {
    this.#states = states;
    this.#artifacts = artifacts;
    this.#storage = storage;
    this.#db = db;
    this.#secrets = secrets;
    this.#settings = settings;
  }

  async build({ attemptId, epoch }: HeldLease): Promise<BuiltLease> {
    const facts = await this.#facts(attemptId, epoch);
    if (!facts?.expires_at) return { kind: 'gone' };
    const { state } = await this.#states.load(this.#db, facts.run_id, facts.version);
    const job = state.plan.jobs.find(({ key }) => key === facts.job_key);
    if (!job) return refused('unknown-job', `The plan of the run has no job ${facts.job_key}.`);
    const trusted = state.trust === 'trusted';
    const released = trusted && job.work.kind === 'image' ? await this.#lastReleased(facts.service_id) : undefined;
    const work = workOf(job, state, released);
    if ('code' in work) return { kind: 'refused', reason: work };
    const files = await this.#files(job, state);
    if ('code' in files) return { kind: 'refused', reason: files };
    const secrets = trusted
      ? await this.#secrets.forJob({ teamId: facts.team_id, serviceId: facts.service_id, names: job.secrets, trusted })
      : [];
    const missing = trusted ? job.secrets.filter((name) => !secrets.some((secret) => secret.name === name)) : [];
    if (missing.length > 0) {
      return refused(
        'secret-missing',
        `The job declares ${missing.join(', ')}, which has no value for this service or its team; set it under Secrets.`,
      );
    }
    const registries = trusted ? await this.#registries(facts.team_id, imagesOf(work)) : [];
    if ('code' in registries) return { kind: 'refused', reason: registries };
    return {
      kind: 'lease',
      lease: {
        attemptId,
        epoch,
        expiresAt: facts.expires_at.toISOString(),
        renewSeconds: this.#settings.renewSeconds,
        run: {
          id: state.runId,
          service: facts.service,
          team: facts.team,
          number: state.number,
          ref: state.ref,
          commit: state.commit,
          trust: state.trust,
        },
        job: { key: job.key, attempt: facts.number, timeoutSeconds: job.timeoutSeconds },
        source: {
          url: facts.url,
          path: facts.path,
          commit: state.commit,
          ref: state.ref,
          credential: await this.#secrets.repositoryCredential(facts.repository_id),
        },
        work: work.kind === 'steps' ? { ...work, ...files } : work,
        secrets,
        registries,
        log: { maxBytes: this.#settings.logLimitBytes, length: facts.log_length },
        ...(trusted && facts.keep_minutes !== null ? { keep: { minutes: facts.keep_minutes } } : {}),
      },
    };
  }

  /** What the job takes along and leaves behind; nothing for most jobs. */
  async #files({ work }: PlannedJob, state: RunState): Promise<FileWork | Reason> {
    if (work.kind === 'image') return {};
    const { use: references = [], artifacts = [], cache = [] } = work.spec;
    if (references.length + artifacts.length + cache.length === 0) return {};
    const use: NonNullable<FileWork['use']> = [];
    for (const { from, artifact } of await this.#artifacts.find(state, references)) {
      if (artifact === undefined) {
        return {
          code: 'artifact-missing',
          message: `The artifact ${from} is not kept any more; run the job that leaves it again.`,
        };
      }
      use.push({ from, artifact });
    }
    return {
      ...(use.length > 0 ? { use } : {}),
      ...(artifacts.length > 0 ? { artifacts: artifacts.map(({ name, paths }) => ({ name, paths: [...paths] })) } : {}),
      ...(cache.length > 0
        ? { cache: cache.map(({ key, files, paths }) => ({ key, files: [...files], paths: [...paths] })) }
        : {}),
      limits: { artifactBytes: this.#storage.artifactBytes, cacheBytes: this.#storage.cacheBytes },
    };
  }

  /** By digest, as everything of a release is. */
  async #lastReleased(serviceId: string): Promise<ReleasedImage | undefined> {
    return this.#db
      .selectFrom('releases')
      .select(['repository', 'digest'])
      .where('service_id', '=', serviceId)
      .orderBy('run_number', 'desc')
      .limit(1)
      .executeTakeFirst();
  }

  async #facts(attemptId: string, epoch: number) {
    return this.#db
      .selectFrom('attempts')
      .innerJoin('runs', 'runs.id', 'attempts.run_id')
      .innerJoin('services', 'services.id', 'attempts.service_id')
      .innerJoin('repositories', 'repositories.id', 'services.repository_id')
      .innerJoin('teams', 'teams.id', 'attempts.team_id')
      .select([
        'attempts.job_key',
        'attempts.number',
        'attempts.expires_at',
        'attempts.log_length',
        'attempts.team_id',
        'attempts.service_id',
        'attempts.run_id',
        'runs.version',
        'runs.keep_minutes',
        'services.slug as service',
        'services.path',
        'repositories.id as repository_id',
        'repositories.url',
        'teams.slug as team',
      ])
      .where('attempts.id', '=', attemptId)
      .where('attempts.epoch', '=', epoch)
      .where('attempts.status', '=', 'running')
      .executeTakeFirst();
  }

  async #registries(teamId: string, images: readonly string[]): Promise<LeaseGrant['registries'] | Reason> {
    const found: LeaseGrant['registries'] = [];
    try {
      for (const registry of new Set(images.map(registryOf))) {
        const credential = await this.#secrets.registryCredentials(teamId, registry);
        if (credential) found.push({ registry, ...credential });
      }
    } catch (error) {
      if (error instanceof RegistrySecretError) return { code: 'registry-secret', message: error.message };
      throw error;
    }
    return found;
  }
}

type FileWork = Pick<Extract<LeaseGrant['work'], { kind: 'steps' }>, 'use' | 'artifacts' | 'cache' | 'limits'>;

interface ReleasedImage {
  readonly repository: string;
  readonly digest: string;
}

function workOf(job: PlannedJob, state: RunState, released: ReleasedImage | undefined): LeaseGrant['work'] | Reason {
  if (job.work.kind === 'image') {
    const { context, dockerfile, repository, target, args, platforms } = job.work.spec;
    return {
      kind: 'image',
      context,
      dockerfile,
      repository,
      ...(target === undefined ? {} : { target }),
      args: { ...args },
      platforms: [...platforms],
      // Another repository may be another registry, of which the job has no credential.
      ...(released?.repository === repository ? { cacheFrom: `${repository}@${released.digest}` } : {}),
    };
  }
  return stepsWorkOf(job.work.spec, job, state);
}

function stepsWorkOf(spec: JobSpec, job: PlannedJob, state: RunState): LeaseGrant['work'] | Reason {
  const built = state.image ? `${state.image.repository}@${state.image.digest}` : undefined;
  const usesBuilt = spec.image === 'built' || Object.values(spec.services).some(({ image }) => image === 'built');
  if (usesBuilt && built === undefined) {
    return { code: 'no-image', message: 'The job uses the image "built", but the run has built none.' };
  }
  const file = generatesTo(job);
  const resolve = (image: string) => (image === 'built' ? built! : image);
  return {
    kind: 'steps',
    ...(spec.image === undefined ? {} : { image: resolve(spec.image) }),
    steps: spec.steps.map(({ name, run, when, if: condition, env, envFrom, timeoutSeconds }) => ({
      name,
      run,
      ...(when === 'success' ? {} : { when }),
      ...(condition === undefined ? {} : { if: condition }),
      env: { ...env, ...outputVariables(state, envFrom) },
      ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
    })),
    ...(spec.steps.some((step) => step.if !== undefined) ? { facts: conditionFacts(state, job) } : {}),
    ...(spec.outputs.length > 0 ? { outputs: [...spec.outputs] } : {}),
    env: { ...ambient(state, built), ...spec.env, ...outputVariables(state, spec.envFrom) },
    services: Object.fromEntries(
      Object.entries(spec.services).map(([name, { image, port, healthy, command, env }]) => [
        name,
        {
          image: resolve(image),
          ...(port === undefined ? {} : { port }),
          ...(healthy === undefined ? {} : { healthy }),
          ...(command === undefined ? {} : { command: [...command] }),
          env: { ...env },
        },
      ]),
    ),
    junit: [...spec.reports.junit],
    ...(file === undefined ? {} : { generate: { file, maxBytes: MAX_FILE_BYTES } }),
    resources: { ...spec.resources },
  };
}

/** Untrusted text (ref, author, message) reaches a step in its environment only; a script never has it spliced in (A28). */
function ambient(state: RunState, built: string | undefined): Record<string, string> {
  return {
    CI: 'true',
    SLUICE_SERVICE: state.plan.service,
    SLUICE_RUN_ID: state.runId,
    SLUICE_RUN_NUMBER: String(state.number),
    SLUICE_REF: state.ref,
    SLUICE_COMMIT: state.commit,
    SLUICE_COMMIT_MESSAGE: state.message,
    SLUICE_COMMIT_AUTHOR: state.author,
    ...(built === undefined ? {} : { SLUICE_IMAGE: built }),
  };
}

function imagesOf(work: LeaseGrant['work']): string[] {
  return work.kind === 'image'
    ? [work.repository]
    : [...(work.image === undefined ? [] : [work.image]), ...Object.values(work.services).map(({ image }) => image)];
}

function refused(code: string, message: string): BuiltLease {
  return { kind: 'refused', reason: { code, message } };
}
