import type { Instant } from '@sluice/engine';
import {
  Target,
  TargetUnusableError,
  type ActResult,
  type DeploymentIntent,
  type OpenedTargetSecrets,
  type TargetContext,
  type TargetCursor,
} from '../target.port.ts';
import { actOnEngine } from './act-on-engine.ts';
import type { Engine } from './connect-engine.ts';
import { dockerPlan, dockerSettings } from './docker-plan.ts';
import type { DockerAction, DockerMemory, DockerWorld, Refusal } from './docker-world.ts';
import { engineAddress } from './engine-address.ts';
import { nextDockerAction, type DockerStep } from './next-docker-action.ts';
import { observeDocker } from './observe-docker.ts';
import type { Clock } from '../../../platform/clock/clock.port.ts';

interface Connection {
  readonly engine: Engine;
  /** The declared secrets of the container; the engine's own credential is not among them. */
  readonly secrets: OpenedTargetSecrets['values'];
}

/** Replaces the container of a service on one container engine; see docs/guides/docker-target.md. */
export class DockerTarget extends Target<DockerWorld, DockerAction> {
  override readonly kind = 'docker';
  readonly #clock: Clock;
  readonly #connections = new WeakMap<TargetContext, Promise<Connection>>();
  constructor(clock: Clock) {
    super();
    this.#clock = clock;
  }

  override async observe(context: TargetContext, cursor: TargetCursor): Promise<DockerWorld> {
    const { engine, secrets } = await this.#connect(context);
    const judged = memoryOf(cursor).verdict !== undefined;
    return observeDocker({ engine, secrets, intent: context.intent, judged, signal: context.signal });
  }

  override next(world: DockerWorld, intent: DeploymentIntent, cursor: TargetCursor, now: Instant): DockerStep {
    return nextDockerAction(world, dockerPlan(intent), memoryOf(cursor), now);
  }

  override async act(context: TargetContext, action: DockerAction, cursor: TargetCursor): Promise<ActResult> {
    const { engine, secrets } = await this.#connect(context);
    const memory = memoryOf(cursor);
    const answer = await actOnEngine(engine, context, secrets, action);
    if (answer.kind === 'done') return { memory: { ...memory, ...answer.memory } };
    const now = this.#clock.now().toISOString();
    const known = memory.refusals?.[action.name];
    const refusal: Refusal = {
      count: (known?.count ?? 0) + 1,
      first: known?.first ?? now,
      last: now,
      text: answer.text,
      final: answer.final,
    };
    return {
      memory: { ...memory, refusals: { ...memory.refusals, [action.name]: refusal } },
      text: `The engine said no: ${answer.text}`,
    };
  }

  override disconnect(context: TargetContext): void {
    const connection = this.#connections.get(context);
    this.#connections.delete(context);
    connection?.then(({ engine }) => engine.close()).catch(() => undefined);
  }

  #connect(context: TargetContext): Promise<Connection> {
    const known = this.#connections.get(context);
    if (known !== undefined) return known;
    const made = open(context);
    this.#connections.set(context, made);
    // A secret that is set meanwhile must be found by the next try.
    made.catch(() => this.#connections.delete(context));
    return made;
  }
}

async function open({ intent, secrets }: TargetContext): Promise<Connection> {
  const { engine, credential, secrets: declared } = dockerSettings(intent);
  const names = [...new Set([...declared, ...(credential === undefined ? [] : [credential])])];
  const opened = await secrets.environment(names);
  const address = engineAddress(engine, credential, opened.values.find(({ name }) => name === credential)?.value);
  const missing = declared.filter((name) => opened.missing.includes(name));
  if (missing.length > 0) {
    throw new TargetUnusableError(
      `No value is set for ${missing.join(', ')} (target.secrets of ${intent.environment}); set it for ${intent.service}, the environment or the team.`,
    );
  }
  // A hundred modules that no start should wait for.
  const { connectEngine } = await import('./connect-engine.ts');
  return { engine: connectEngine(address), secrets: opened.values.filter(({ name }) => declared.includes(name)) };
}

function memoryOf(cursor: TargetCursor): DockerMemory {
  return cursor.memory as DockerMemory;
}
