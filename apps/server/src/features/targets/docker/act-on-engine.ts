import type Docker from 'dockerode';
import { registryOf } from '../../secrets/index.ts';
import {
  TargetSilentError,
  type DeploymentIntent,
  type OpenedTargetSecrets,
  type TargetContext,
} from '../target.port.ts';
import type { Engine } from './connect-engine.ts';
import { LABELS, containerName, containerSpec } from './container-spec.ts';
import { dockerPlan, dockerSettings, imageName } from './docker-plan.ts';
import type { DockerAction, DockerMemory } from './docker-world.ts';
import { ensureNetwork, networksNamed } from './ensure-network.ts';
import { asSilent, engineSays, statusOf } from './engine-error.ts';

/** `no` = the engine refused; `final` when asking again cannot help. */
export type EngineAnswer =
  | { readonly kind: 'done'; readonly memory?: Partial<DockerMemory> }
  | { readonly kind: 'no'; readonly text: string; readonly final: boolean };

const DONE: EngineAnswer = { kind: 'done' };
const STOP_SECONDS = 10;

/** Carries out one action. Each may be repeated: what is already so is `done`. Silence throws TargetSilentError. */
export async function actOnEngine(
  engine: Engine,
  context: TargetContext,
  secrets: OpenedTargetSecrets['values'],
  action: DockerAction,
): Promise<EngineAnswer> {
  const { api } = engine;
  switch (action.name) {
    case 'pull':
      return pull(engine.patientApi, context);
    case 'ensure-network':
      return answered(ensureNetwork(api, dockerSettings(context.intent).network), []);
    case 'create':
      return create(api, context.intent, secrets);
    case 'start':
    case 'start-old':
      // 404: it is gone; the next look says so. 304: it runs already.
      return answered(api.getContainer(action.id).start(), [304, 404]);
    case 'stop-old':
      return answered(api.getContainer(action.id).stop({ t: STOP_SECONDS }), [304, 404]);
    case 'remove-old':
    case 'remove-new':
      return answered(api.getContainer(action.id).remove({ force: true, v: true }), [404]);
  }
}

async function answered(call: Promise<unknown>, alsoGood: readonly number[]): Promise<EngineAnswer> {
  try {
    await call;
    return DONE;
  } catch (error) {
    const status = statusOf(error);
    if (status === undefined) throw asSilent(error);
    if (alsoGood.includes(status)) return DONE;
    return { kind: 'no', text: engineSays(error), final: false };
  }
}

async function create(
  api: Docker,
  intent: DeploymentIntent,
  secrets: OpenedTargetSecrets['values'],
): Promise<EngineAnswer> {
  try {
    const { network } = dockerSettings(intent);
    const [oldest] = await networksNamed(api, network);
    const { id } = await api.createContainer(containerSpec(intent, secrets, oldest?.Id ?? network));
    return { kind: 'done', memory: { created: id } };
  } catch (error) {
    if (statusOf(error) === undefined) throw asSilent(error);
    if (statusOf(error) !== 409) return { kind: 'no', text: engineSays(error), final: true };
    return adopt(api, intent, engineSays(error));
  }
}

/** The name is taken: by an earlier call of this deployment whose answer was lost, or by a stranger. */
async function adopt(api: Docker, intent: DeploymentIntent, refusal: string): Promise<EngineAnswer> {
  try {
    const { Id, Config } = await api.getContainer(containerName(intent)).inspect();
    if (Config.Labels[LABELS.deployment] === intent.deploymentId) return { kind: 'done', memory: { created: Id } };
    return {
      kind: 'no',
      text: `the name ${containerName(intent)} belongs to a container that Sluice did not make (${refusal})`,
      final: true,
    };
  } catch (error) {
    if (statusOf(error) === 404) return { kind: 'no', text: refusal, final: false };
    throw asSilent(error);
  }
}

/** Pulls by digest and by nothing else. The stream's own end decides: the engine begins with 200 whatever comes. */
async function pull(api: Docker, { intent, secrets, signal }: TargetContext): Promise<EngineAnswer> {
  const registry = registryOf(intent.repository);
  const credential = await secrets.registry(registry);
  const authconfig = credential === null ? {} : { authconfig: { ...credential, serveraddress: registry } };
  try {
    const stream = await api.pull(imageName(intent), { ...authconfig, abortSignal: signal });
    await followed(api, stream);
  } catch (error) {
    if (signal.aborted) throw new TargetSilentError('the pull was stopped', { cause: error });
    const words = engineSays(error);
    if (statusOf(error) === undefined && !(error instanceof PullRefused)) throw asSilent(error);
    return { kind: 'no', text: words, final: isFinal(words) };
  }
  const held = await api
    .getImage(imageName(intent))
    .inspect()
    .catch((error: unknown) => Promise.reject(asSilent(error)));
  const { repoDigest } = dockerPlan(intent);
  if (held.RepoDigests?.includes(repoDigest)) return DONE;
  return {
    kind: 'no',
    text: `the engine names what it pulled ${held.RepoDigests?.join(', ') ?? 'nothing'} and not ${repoDigest}`,
    final: true,
  };
}

class PullRefused extends Error {
  override readonly name = 'PullRefused';
}

function followed(api: Docker, stream: NodeJS.ReadableStream): Promise<void> {
  return new Promise((resolve, reject) => {
    api.modem.followProgress(stream, (error: Error | null, steps: { error?: string }[] | undefined) => {
      const refusal =
        steps?.find((step) => step.error !== undefined)?.error ??
        (error !== null && 'code' in error === false ? error.message : undefined);
      if (refusal !== undefined) reject(new PullRefused(refusal, { cause: error }));
      else if (error !== null) reject(error);
      else resolve();
    });
  });
}

/** What a registry says of a name or a credential stays true; what it says of itself may change. */
function isFinal(words: string): boolean {
  return /manifest unknown|not found|denied|unauthorized|authentication required|no basic auth/i.test(words);
}
