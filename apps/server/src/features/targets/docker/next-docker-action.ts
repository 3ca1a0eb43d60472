import type { Instant } from '@sluice/engine';
import type { NextStep, TargetOutcome } from '../target.port.ts';
import {
  isUp,
  type DockerAction,
  type DockerActionName,
  type DockerMemory,
  type DockerWorld,
  type Failure,
  type NewContainer,
  type OldContainer,
} from './docker-world.ts';
import { judgeHealth } from './judge-health.ts';

/** What the decision needs of intent and settings. */
export interface DockerPlan {
  /** `repository@sha256:...` */
  readonly image: string;
  /** The same name as the engine shows it in RepoDigests. */
  readonly repoDigest: string;
  readonly digest: string;
  readonly network: string;
  readonly healthPath: string | null;
  readonly healthTimeoutSeconds: number;
}

export type DockerStep = NextStep<DockerAction>;

const PULL_LIMIT_MS = 5 * 60_000;
const MAX_REFUSALS: Readonly<Record<DockerActionName, number>> = {
  pull: Infinity,
  'ensure-network': 1,
  create: 1,
  start: 1,
  'stop-old': 3,
  'remove-old': 3,
  'remove-new': 5,
  'start-old': 6,
};

/**
 * The whole decision of the docker target: pull, create, stop the old one, start the new one, judge; then either remove the
 * old one, or remove the new one and start the old one again. Derived anew from every look, so that it does not matter
 * where the last driver stopped. At no moment do two containers of a lane run.
 */
export function nextDockerAction(world: DockerWorld, plan: DockerPlan, memory: DockerMemory, now: Instant): DockerStep {
  if (memory.verdict === undefined) return goForward(world, plan, memory, now);
  if (memory.verdict === 'healthy') return finish(world, memory, now);
  return goBack(world, memory, memory.verdict, now);
}

function goForward(world: DockerWorld, plan: DockerPlan, memory: DockerMemory, now: Instant): DockerStep {
  const { mine, others } = world;
  const giveUp = (failure: Omit<Failure, 'log'>) => {
    const failed: Failure = { ...failure, log: mine?.log ?? '' };
    return goBack(world, { ...memory, verdict: failed }, failed, now);
  };
  if (mine === null) return prepare(world, plan, memory, now, giveUp);
  if (mine.digest !== plan.digest || (world.image !== null && mine.imageId !== world.image.id)) {
    return giveUp({
      outcome: 'errored',
      code: 'digest-drift',
      why: `The container of this deployment does not hold ${plan.image}; it is not used.`,
    });
  }
  const running = others.find((other) => isUp(other.state));
  if (running) {
    const refused = refusalOf('stop-old', memory, now);
    if (refused?.kind === 'over')
      return giveUp({
        outcome: 'errored',
        code: 'old-container-runs-on',
        why: `The container ${running.name} could not be stopped: ${refused.text}`,
      });
    return (
      refused ??
      act(
        { name: 'stop-old', id: running.id },
        { ...memory, touched: true },
        `Stopping ${running.name}; it is kept until the new container is healthy.`,
      )
    );
  }
  if (mine.state === 'created') return startNew(mine, plan, memory, now, giveUp);
  const judgement = judgeHealth(mine, plan, memory, now);
  switch (judgement.kind) {
    case 'healthy':
      return finish(world, { ...memory, verdict: 'healthy' }, now);
    case 'unhealthy':
      return giveUp({ outcome: 'failed', code: judgement.code, why: judgement.why });
    case 'wait':
      return { kind: 'wait', until: judgement.until, memory: judgement.memory };
  }
}

type GiveUp = (failure: Omit<Failure, 'log'>) => DockerStep;

/** Everything that can be done while the old container still serves. */
function prepare(
  { image, networkExists, others }: DockerWorld,
  plan: DockerPlan,
  memory: DockerMemory,
  now: Instant,
  giveUp: GiveUp,
): DockerStep {
  if (memory.created !== undefined) {
    return giveUp({
      outcome: 'failed',
      code: 'container-gone',
      why: 'The new container was removed by someone else before it was healthy.',
    });
  }
  if (image === null) {
    const refused = refusalOf('pull', memory, now);
    if (refused?.kind === 'over')
      return giveUp({
        outcome: 'errored',
        code: 'image-not-pulled',
        why: `The image ${plan.image} could not be pulled: ${refused.text}`,
      });
    return refused ?? act({ name: 'pull' }, memory, `Pulling ${plan.image}.`);
  }
  if (!image.repoDigests.includes(plan.repoDigest)) {
    return giveUp({
      outcome: 'errored',
      code: 'digest-drift',
      why: `The engine holds another image than ${plan.repoDigest} under this name; it is not used.`,
    });
  }
  if (!networkExists) {
    const refused = refusalOf('ensure-network', memory, now);
    if (refused?.kind === 'over')
      return giveUp({
        outcome: 'errored',
        code: 'network-refused',
        why: `The network ${plan.network} could not be made: ${refused.text}`,
      });
    return refused ?? act({ name: 'ensure-network' }, memory, `Making the network ${plan.network}.`);
  }
  const refused = refusalOf('create', memory, now);
  if (refused?.kind === 'over')
    return giveUp({
      outcome: 'errored',
      code: 'container-refused',
      why: `The engine refused the container: ${refused.text}`,
    });
  return refused ?? act({ name: 'create' }, { ...memory, previous: previousOf(others) }, 'Creating the new container.');
}

function startNew(
  mine: NewContainer,
  plan: DockerPlan,
  memory: DockerMemory,
  now: Instant,
  giveUp: GiveUp,
): DockerStep {
  const refused = refusalOf('start', memory, now);
  if (refused?.kind === 'over')
    return giveUp({
      outcome: 'failed',
      code: 'not-started',
      why: `The new container could not be started: ${refused.text}`,
    });
  const started: DockerMemory = {
    ...memory,
    created: mine.id,
    touched: true,
    startedAt: now,
    healthUntil: later(now, plan.healthTimeoutSeconds * 1000),
  };
  return (
    refused ??
    act(
      { name: 'start', id: mine.id },
      started,
      `Starting the new container and waiting up to ${plan.healthTimeoutSeconds} s for it to be healthy.`,
    )
  );
}

/** The new one is healthy: what it replaced may go. */
function finish(world: DockerWorld, memory: DockerMemory, now: Instant): DockerStep {
  const { mine, others } = world;
  if (mine === null || !isUp(mine.state)) {
    const failure: Failure = {
      outcome: 'failed',
      code: 'stopped-again',
      why: 'The new container was healthy and then ended.',
      log: mine?.log ?? '',
    };
    if (others.some(({ id }) => id === memory.previous?.id))
      return goBack(world, { ...memory, verdict: failure, touched: true }, failure, now);
    return { kind: 'ended', outcome: 'failed', reason: reasonOf(failure), text: failure.why };
  }
  const running = others.find((other) => isUp(other.state));
  const old = running ?? others[0];
  if (old === undefined)
    return { kind: 'ended', outcome: 'passed', reason: null, text: 'The new container is healthy and serves.' };
  const refused = refusalOf('remove-old', memory, now);
  if (refused?.kind === 'over') {
    // A stopped leftover harms nobody, and the next deployment tries again; a running one does.
    if (running)
      return unknown(
        'old-container-runs-on',
        `The container ${old.name} runs beside the new one and cannot be removed: ${refused.text}`,
        now,
      );
    return {
      kind: 'ended',
      outcome: 'passed',
      reason: null,
      text: `The new container is healthy and serves; ${old.name} is stopped and could not be removed: ${refused.text}`,
    };
  }
  return (
    refused ?? act({ name: 'remove-old', id: old.id }, memory, `The new container is healthy; removing ${old.name}.`)
  );
}

/** Without the new one: exactly what ran before, if anything was touched at all. */
function goBack(world: DockerWorld, memory: DockerMemory, failure: Failure, now: Instant): DockerStep {
  const { mine, others } = world;
  if (mine !== null) {
    const refused = refusalOf('remove-new', memory, now);
    if (refused?.kind === 'over')
      return unknown('new-container-stays', `The new container cannot be removed: ${refused.text}`, now);
    return refused ?? act({ name: 'remove-new', id: mine.id }, memory, `${failure.why} Removing the new container.`);
  }
  if (memory.touched !== true) {
    const step = ended(failure.outcome, failure, 'What ran before was not touched.');
    return { ...step, text: `${failure.why} What ran before was not touched.` };
  }
  const previous = others.find(({ id }) => id === memory.previous?.id);
  if (previous === undefined)
    return ended(
      failure.outcome,
      failure,
      memory.previous ? 'The previous container is gone, so nothing runs.' : 'There was no container to go back to.',
    );
  const beside = others.find((other) => other.id !== previous.id && isUp(other.state));
  if (beside) {
    const refused = refusalOf('stop-old', memory, now);
    if (refused?.kind === 'over')
      return unknown('old-container-runs-on', `The container ${beside.name} cannot be stopped: ${refused.text}`, now);
    return refused ?? act({ name: 'stop-old', id: beside.id }, memory, `Stopping ${beside.name}.`);
  }
  if (isUp(previous.state)) return ended('rolled-back', failure, `The previous container ${previous.name} runs again.`);
  const refused = refusalOf('start-old', memory, now);
  if (refused?.kind === 'over')
    return ended(
      'failed',
      failure,
      `The previous container ${previous.name} could not be started again, so nothing runs: ${refused.text}`,
    );
  return refused ?? act({ name: 'start-old', id: previous.id }, memory, `Starting ${previous.name} again.`);
}

/** What runs, or else what ran last: a container that never started is nothing to go back to. */
function previousOf(others: readonly OldContainer[]): { id: string; name: string } | null {
  const found =
    others.find(({ state }) => state === 'running') ??
    others.find(({ state }) => isUp(state)) ??
    others.find(({ state }) => state === 'exited');
  return found ? { id: found.id, name: found.name } : null;
}

type Refused = Extract<DockerStep, { kind: 'wait' }> | { readonly kind: 'over'; readonly text: string };

/** Undefined when the action may be tried now. */
function refusalOf(name: DockerActionName, memory: DockerMemory, now: Instant): Refused | undefined {
  const refusal = memory.refusals?.[name];
  if (refusal === undefined) return undefined;
  const tooLong = name === 'pull' && Date.parse(now) - Date.parse(refusal.first) >= PULL_LIMIT_MS;
  if (refusal.final || tooLong || refusal.count >= MAX_REFUSALS[name]) return { kind: 'over', text: refusal.text };
  const again = later(refusal.last, Math.min(30_000, 1_000 * 2 ** (refusal.count - 1)));
  return again > now ? { kind: 'wait', until: again, memory } : undefined;
}

function act(action: DockerAction, memory: DockerMemory, text: string): DockerStep {
  return { kind: 'act', action, memory, text };
}

function ended(outcome: TargetOutcome, failure: Failure, then: string): Extract<DockerStep, { kind: 'ended' }> {
  return { kind: 'ended', outcome, reason: reasonOf(failure, then), text: then };
}

function unknown(code: string, message: string, now: Instant): DockerStep {
  return { kind: 'unknown', reason: { code, message }, until: later(now, 30_000) };
}

function reasonOf({ code, why, log }: Failure, then?: string) {
  const sentences = then === undefined ? why : `${why} ${then}`;
  return { code, message: log === '' ? sentences : `${sentences}\nLast lines of its log:\n${log}` };
}

function later(instant: Instant, ms: number): Instant {
  return new Date(Date.parse(instant) + ms).toISOString();
}
