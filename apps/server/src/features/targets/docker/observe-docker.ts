import type Docker from 'dockerode';
import type { DeploymentIntent } from '../target.port.ts';
import type { Engine } from './connect-engine.ts';
import { LABELS, containerName, hostAddress, hostOf, isOurs, laneLabel, originOf } from './container-spec.ts';
import { readLog } from './container-log.ts';
import { dockerPlan, dockerSettings, imageName } from './docker-plan.ts';
import { isUp, type ContainerState, type DockerWorld, type NewContainer, type OldContainer } from './docker-world.ts';
import { networksNamed } from './ensure-network.ts';
import { lookUp } from './engine-error.ts';
import { probeHealth, type HealthAnswer } from './probe-health.ts';

export interface DockerLook {
  readonly engine: Engine;
  readonly intent: DeploymentIntent;
  /** Values to mask in what the container printed. */
  readonly secrets: readonly { readonly name: string; readonly value: string }[];
  /** A verdict was taken: health is not asked any more. */
  readonly judged: boolean;
  readonly signal: AbortSignal;
}

const LOG_LINES = 20;

export async function observeDocker(look: DockerLook): Promise<DockerWorld> {
  const { engine, intent } = look;
  const plan = dockerPlan(intent);
  const [image, networks, containers] = await Promise.all([
    lookUp(engine.api.getImage(imageName(intent)).inspect()),
    lookUp(networksNamed(engine.api, plan.network)),
    lookUp(listOfLane(engine.api, intent)),
  ]);
  const name = containerName(intent);
  const isMine = ({ Labels, Names }: Docker.ContainerInfo) =>
    Labels[LABELS.deployment] === intent.deploymentId && Names.includes(`/${name}`);
  const mine = containers?.find(isMine);
  return {
    image: image === null ? null : { id: image.Id, repoDigests: image.RepoDigests ?? [] },
    networkExists: (networks ?? []).length > 0 || !isOurs(plan.network),
    mine: mine === undefined ? null : await newContainer(look, mine.Id),
    others: (containers ?? [])
      .filter((container) => !isMine(container))
      .toSorted((one, two) => two.Created - one.Created)
      .map(oldContainer),
  };
}

/** Told apart by ids, not names: two installations may share an engine and call their services alike. */
function listOfLane(api: Docker, intent: DeploymentIntent): Promise<Docker.ContainerInfo[]> {
  return api.listContainers({ all: true, filters: { label: [`${LABELS.lane}=${laneLabel(intent)}`] } });
}

function oldContainer({ Id, Names, State }: Docker.ContainerInfo): OldContainer {
  return { id: Id, name: (Names[0] ?? Id.slice(0, 12)).replace(/^\//, ''), state: State as ContainerState };
}

async function newContainer(look: DockerLook, id: string): Promise<NewContainer | null> {
  const container = look.engine.api.getContainer(id);
  const found = await lookUp(container.inspect());
  if (found === null) return null;
  const { State, Config } = found;
  const state = State.Status as ContainerState;
  const probe = state === 'running' && !look.judged ? await probeOf(look, container, found) : null;
  return {
    id,
    state,
    exitCode: state === 'running' ? null : State.ExitCode,
    outOfMemory: State.OOMKilled,
    restarts: found.RestartCount,
    startedAt: state === 'created' ? null : State.StartedAt,
    imageId: found.Image,
    digest: Config.Labels[LABELS.digest] ?? '',
    health: healthOf(State.Health?.Status),
    probe,
    log: state === 'created' || probe?.ok === true || (look.judged && isUp(state)) ? '' : await logOf(look, container),
  };
}

/** Engines say nothing, or `none`, of an image without a check. */
function healthOf(status: string | undefined): NewContainer['health'] {
  return status === 'starting' || status === 'healthy' || status === 'unhealthy' ? status : null;
}

async function probeOf(
  { engine, intent, signal }: DockerLook,
  container: Docker.Container,
  found: Docker.ContainerInspectInfo,
): Promise<HealthAnswer | null> {
  const { healthPath, port, network } = dockerSettings(intent);
  if (healthPath === undefined) return null;
  if (port === undefined)
    return { ok: false, text: `healthPath is ${healthPath} and target.port.container says no port` };
  const mapped = hostAddress(hostOf(port.host, intent.service));
  const address = found.NetworkSettings.Networks[network]?.IPAddress;
  const origins = [...(mapped ? [originOf(mapped)] : []), ...(address ? [`http://${address}:${port.container}`] : [])];
  return probeHealth(container, {
    port: port.container,
    path: healthPath,
    origins: engine.local ? origins : [],
    signal,
  });
}

async function logOf({ secrets }: DockerLook, container: Docker.Container): Promise<string> {
  const frames = await lookUp(container.logs({ stdout: true, stderr: true, tail: LOG_LINES, follow: false }));
  return frames === null ? '' : readLog(frames, secrets);
}
