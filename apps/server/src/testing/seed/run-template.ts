import { createHash } from 'node:crypto';
import {
  decideRun,
  evolveRun,
  isTerminal,
  plan,
  type AttemptState,
  type DeploymentStatus,
  type RunCommand,
  type RunEvent,
  type RunState,
} from '@sluice/engine';
import { checkDefinition, type Definition } from '@sluice/pipeline-spec';
import { instantToken, numberToken, offsetOf, Template, token } from './tokens.ts';

export const ENVIRONMENTS = ['staging', 'production'] as const;
/** What a lane without a gate tells the run of a release that goes through it. */
export const TOLD: readonly DeploymentStatus[] = ['running', 'passed'];
const STEP_MS = 1_700;
const RUNNER = 'seed-runner';

export type Outcome = 'passed' | 'failed';

/** A run as it ended, decided by the engine once, to be written many times with other ids and times. */
export interface RunTemplate {
  readonly status: string;
  readonly version: number;
  readonly released: boolean;
  readonly definition: Definition;
  readonly definitionText: string;
  readonly planHash: string;
  readonly state: Template;
  readonly events: readonly { readonly offset: number; readonly event: Template }[];
  readonly attempts: readonly (AttemptState & { readonly word: string; readonly jobKey: string })[];
  /** When the release is made, and when the run ends. */
  readonly releasedAfter: number;
  readonly endsAfter: number;
}

/** Commit jobs only, or the whole way with an image and two environments. */
export function runTemplate({
  jobs,
  released,
  outcome,
}: {
  jobs: number;
  released: boolean;
  outcome: Outcome;
}): RunTemplate {
  const text = definitionText(jobs, released);
  const { definition, findings } = checkDefinition(text, 'sluice.yaml');
  if (!definition) throw new Error(`the seed's own definition is refused: ${findings[0]?.message}`);
  const runPlan = plan({ definition, commit: token('commit'), event: { event: 'push', changedPaths: null, ref: REF } });
  const events: RunEvent[] = [];
  let state: RunState | undefined;
  let [ms, attempt, releasedAfter] = [0, 0, 0];
  const send = (command: RunCommand) => {
    ms += STEP_MS;
    const decision = decideRun(state, command, {
      now: instantToken(ms),
      newId: () => token(`attempt${(attempt += 1)}`),
    });
    if (decision.kind !== 'accepted') throw new Error(`the seed's ${command.type} was ${decision.kind}`);
    events.push(...decision.events);
    state = decision.events.reduce<RunState | undefined>(evolveRun, state);
  };
  send({ type: 'create', identity: IDENTITY, plan: runPlan });
  for (let open = openAttempt(state!); open !== undefined; open = openAttempt(state!)) {
    send({ type: 'attempt-started', ...open, runner: RUNNER });
    const reason = { code: 'exit-code', message: 'Step "test" ended with exit code 1.' };
    send({
      type: 'attempt-ended',
      ...open,
      ...(outcome === 'failed' ? { outcome, exitCode: 1, reason } : { outcome, exitCode: 0, image: IMAGE }),
    });
  }
  if (!isTerminal(state!.status)) {
    send({ type: 'release-made', releaseId: token('release') });
    releasedAfter = ms;
    for (const [at, environment] of ENVIRONMENTS.entries())
      for (const [nth, status] of TOLD.entries())
        send({
          type: 'lane-changed',
          environment,
          deploymentId: token(`deployment${at}`),
          status,
          laneVersion: numberToken(1 + at * TOLD.length + nth),
        });
  }
  const end = state!;
  if (!isTerminal(end.status)) throw new Error('the seed has a run that does not end');
  return {
    status: end.status,
    version: end.version,
    released: end.releaseId !== undefined,
    definition,
    definitionText: text,
    planHash: createHash('sha256')
      .update(JSON.stringify([definition, end.plan]))
      .digest('hex'),
    state: new Template(end),
    events: events.map((event) => ({ offset: offsetOf(event.at), event: new Template(event) })),
    attempts: Object.values(end.jobs).flatMap((job) =>
      job.attempts.map((one) => ({ ...one, word: one.id.replaceAll('§', ''), jobKey: job.key })),
    ),
    releasedAfter,
    endsAfter: ms,
  };
}

const REF = 'refs/heads/main';
const IMAGE = { repository: 'registry.example.com/seed', digest: `sha256:${token('digest')}` };
const IDENTITY = {
  runId: token('run'),
  teamId: token('team'),
  serviceId: token('service'),
  number: numberToken(0),
  ref: REF,
  commit: token('commit'),
  message: 'Change what is shown to people',
  author: 'Ann Example',
  trust: 'trusted',
  trigger: { kind: 'push', by: { kind: 'forge', name: 'ann' } },
} as const;

function definitionText(jobs: number, released: boolean): string {
  const lines = ['service: seed', 'on: { push: { branches: [main] } }', 'commit:', '  jobs:'];
  for (let job = 1; job <= jobs; job += 1)
    lines.push(`    job-${job}: { image: "example.com/node:24", steps: [{ name: test, run: npm test }] }`);
  if (released)
    lines.push(
      'build: { image: { repository: registry.example.com/seed } }',
      `release: [${ENVIRONMENTS.map((name) => `{ environment: ${name} }`).join(', ')}]`,
    );
  return `${lines.join('\n')}\n`;
}

function openAttempt(state: RunState) {
  for (const job of Object.values(state.jobs))
    for (const { id, status } of job.attempts) if (!isTerminal(status)) return { jobKey: job.key, attemptId: id };
  return undefined;
}
