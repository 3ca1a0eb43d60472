import type {
  ArtifactReference,
  EventFacts,
  JobVariant,
  OutputReference,
  RetryPolicy,
  When,
} from '@sluice/pipeline-spec';
import { PLAN_VERSION } from '../plan.ts';
import type { JobKey, Plan, PlannedJob } from '../plan.ts';
import type { CarriedWork, DecideContext, RunCommand, RunEffect, RunEvent, RunIdentity, RunState } from '../run.ts';
import { decideRun } from '../decide-run.ts';
import { evolveRun } from '../evolve-run.ts';
import { steadyContext } from './broken-invariant.ts';

export const IMAGE = { repository: 'registry.example.com/catalog', digest: `sha256:${'a'.repeat(64)}` };
export const HELD = { code: 'fork', message: 'It comes from a fork.' } as const;
export const ANNA = { kind: 'user', userId: 'u-anna', name: 'Anna' } as const;

export interface JobSketch {
  readonly needs?: readonly string[];
  readonly retry?: Partial<RetryPolicy>;
  readonly when?: When;
  readonly if?: string;
  readonly allowFailure?: boolean;
  readonly outputs?: readonly string[];
  readonly variant?: JobVariant;
  readonly image?: string;
  /** Instead of an image. */
  readonly host?: true;
  readonly envFrom?: Readonly<Record<string, OutputReference>>;
  readonly use?: readonly ArtifactReference[];
  /** It generates jobs. */
  readonly generate?: true;
}

/** `commit` and `test` name their jobs; `build` adds the image job. */
export interface PlanSketch {
  readonly commit?: Readonly<Record<string, JobSketch>>;
  readonly build?: JobSketch;
  readonly facts?: Partial<EventFacts>;
  readonly timeouts?: Plan['stageTimeouts'];
  readonly test?: Readonly<Record<string, JobSketch>>;
  readonly release?: readonly string[];
  readonly concurrency?: Plan['concurrency'];
}

export function planOf(sketch: PlanSketch): Plan {
  return {
    schemaVersion: PLAN_VERSION,
    service: 'catalog',
    commit: 'c'.repeat(40),
    facts: { event: 'push', branch: 'main', tag: '', changed: {}, inputs: {}, ...sketch.facts },
    ...(sketch.concurrency && { concurrency: sketch.concurrency }),
    stageTimeouts: sketch.timeouts ?? {},
    jobs: [
      ...Object.entries(sketch.commit ?? {}).map(([name, job]) => planned('commit', name, job)),
      ...(sketch.build ? [planned('build', 'image', sketch.build)] : []),
      ...Object.entries(sketch.test ?? {}).map(([name, job]) => planned('test', name, job)),
    ],
    release: (sketch.release ?? []).map((environment) => ({ environment })),
  };
}

function planned(stage: 'commit' | 'build' | 'test', name: string, sketch: JobSketch): PlannedJob {
  const { needs = [], retry, outputs = [], when = 'success', allowFailure = false, variant } = sketch;
  const policy = { on: [], exit: [], times: 0, delaySeconds: 0, factor: 1, ...retry };
  const common = { labels: [], secrets: [], timeoutSeconds: 60, retry: policy };
  const conditions = { when, allowFailure, outputs, ...(sketch.if !== undefined && { if: sketch.if }) };
  return {
    ...common,
    ...conditions,
    ...(variant && { variant }),
    key: `${stage}/${name}`,
    stage,
    name,
    needs: needs.map((need): JobKey => `${stage}/${need}`),
    work:
      stage === 'build'
        ? {
            kind: 'image',
            spec: {
              ...common,
              context: '.',
              dockerfile: 'Dockerfile',
              repository: IMAGE.repository,
              args: {},
              platforms: [],
            },
          }
        : {
            kind: 'steps',
            spec: {
              ...common,
              ...conditions,
              ...(!sketch.host && { image: sketch.image ?? 'node:24' }),
              steps: [{ name: 'test', run: 'true', when: 'success', env: {}, envFrom: {} }],
              needs,
              env: {},
              envFrom: sketch.envFrom ?? {},
              services: {},
              reports: { junit: [] },
              resources: { cpus: 1, memoryMiB: 512, pids: 256 },
              ...(sketch.use && { use: sketch.use }),
              ...(sketch.generate && { generate: { file: 'generated.yaml' } }),
            },
          },
  };
}

/** What the job `generator` generates. */
export function generatedJobs(generator: JobKey, sketches: Readonly<Record<string, JobSketch>>): PlannedJob[] {
  const stage = generator.startsWith('commit/') ? 'commit' : 'test';
  return Object.entries(sketches).map(([name, sketch]) => {
    const job = planned(stage, name, sketch);
    return { ...job, needs: [generator, ...job.needs], generatedBy: generator };
  });
}

export function identityOf(trust: RunIdentity['trust'] = 'trusted'): RunIdentity {
  return {
    runId: 'r1',
    teamId: 't1',
    serviceId: 's1',
    number: 7,
    ref: 'refs/heads/main',
    commit: 'c'.repeat(40),
    message: 'Faster search',
    author: 'Anna <anna@example.com>',
    trust,
    trigger: { kind: 'push', by: ANNA },
  };
}

export interface PlayedRun {
  readonly state: RunState;
  readonly events: readonly RunEvent[];
  readonly effects: readonly RunEffect[];
  /** Sends a command that must be accepted; returns its events. */
  send(command: RunCommand): readonly RunEvent[];
  /** Sends a command and returns `ignored` or the code of the rejection; it must not be accepted. */
  refused(command: RunCommand): string;
  /** Starts and ends the open attempt of a job. */
  end(jobKey: JobKey, outcome?: Ended['outcome'], more?: Partial<Ended>): readonly RunEvent[];
  attempt(jobKey: JobKey): string;
  /** Lets seconds pass without a command. */
  pass(seconds: number): void;
  lane(environment: string, status: Lane['status'], laneVersion: number, more?: Partial<Lane>): readonly RunEvent[];
}
type Ended = Extract<RunCommand, { type: 'attempt-ended' }>;
type Lane = Extract<RunCommand, { type: 'lane-changed' }>;

export function createdRun(sketch: PlanSketch | Plan, trust?: RunIdentity['trust'], carried?: CarriedWork): PlayedRun {
  const ctx: DecideContext & { tick(seconds?: number): void } = steadyContext();
  const events: RunEvent[] = [];
  const effects: RunEffect[] = [];
  let state: RunState | undefined;
  const played: PlayedRun = {
    get state() {
      if (!state) throw new Error('The run was not created.');
      return state;
    },
    events,
    effects,
    send(command) {
      ctx.tick();
      const decision = decideRun(state, command, ctx);
      if (decision.kind !== 'accepted') throw new Error(`${command.type} was ${JSON.stringify(decision)}`);
      for (const event of decision.events) state = evolveRun(state, event);
      events.push(...decision.events);
      effects.push(...decision.effects);
      return decision.events;
    },
    refused(command) {
      const decision = decideRun(state, command, ctx);
      if (decision.kind === 'accepted') throw new Error(`${command.type} was accepted`);
      return decision.kind === 'ignored' ? 'ignored' : decision.code;
    },
    end(jobKey, outcome = 'passed', more = {}) {
      const attemptId = played.attempt(jobKey);
      const attempt = played.state.jobs[jobKey]?.attempts.find(({ id }) => id === attemptId);
      if (attempt?.status === 'queued') played.send({ type: 'attempt-started', jobKey, attemptId, runner: 'runner-1' });
      const image = jobKey === 'build/image' && outcome === 'passed' ? { image: IMAGE } : {};
      return played.send({ type: 'attempt-ended', jobKey, attemptId, outcome, ...image, ...more });
    },
    attempt(jobKey) {
      const attempt = played.state.jobs[jobKey]?.attempts.at(-1);
      if (!attempt) throw new Error(`${jobKey} has no attempt.`);
      return attempt.id;
    },
    pass: (seconds) => ctx.tick(seconds),
    lane: (environment, status, laneVersion, more = {}) =>
      played.send({
        type: 'lane-changed',
        environment,
        deploymentId: `d-${environment}`,
        status,
        laneVersion,
        ...more,
      }),
  };
  played.send({
    type: 'create',
    identity: identityOf(trust),
    plan: 'schemaVersion' in sketch ? sketch : planOf(sketch),
    ...(carried && { carried }),
  });
  return played;
}
