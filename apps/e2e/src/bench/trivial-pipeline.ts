import type Docker from 'dockerode';
import { eventually, freePort } from '@sluice/testing';
import { putEnvironment, settingsOf } from '../world/environments.ts';
import { interleave, timed, type Bench } from './bench.ts';
import { BenchService } from './bench-service.ts';

const SLUG = 'bench-trivial';
const FILES = {
  'sluice.yaml': `service: ${SLUG}
commit: { jobs: { verify: { image: "REGISTRY/base/busybox:1", steps: [{ run: "true" }] } } }
build: { image: { repository: "REGISTRY/bench/trivial" } }
test: { jobs: { check: { image: built, steps: [{ run: "true" }] } } }
release: [{ environment: bench }]
`,
  Dockerfile: `FROM REGISTRY/base/busybox:1
ARG SLUICE_COMMIT=none
COPY www /www
STOPSIGNAL SIGKILL
CMD ["httpd", "-f", "-p", "8080", "-h", "/www"]
`,
  'www/healthz': 'ok\n',
};

/** Four trivial stages, one container a job, against a script that makes the same calls to the engine. */
export const trivialPipeline: Bench = async (context) => {
  const { world } = context;
  const [port, limitPort] = [await freePort(), await freePort()];
  const plan = {
    name: 'bench',
    order: 90,
    gate: { approvals: 0 },
    ports: { [SLUG]: port },
    network: world.network('bench'),
  };
  await putEnvironment(world.admin(), plan, settingsOf(plan, world.parts.engine.address));
  const service = await BenchService.create(world, SLUG, FILES);
  await service.follow(await service.push());
  let commit = '';
  return interleave(
    context,
    {
      name: 'four-stage trivial pipeline, one container a job',
      budget: '<= 1.2x a script that makes the same engine API calls',
      unit: 'ms',
      allowed: (limit) => limit * 1.2,
      note: 'From run created to run ended; the script pulls, builds, pushes, starts and replaces as the product does, without git.',
    },
    {
      limit: (round) =>
        timed(() =>
          sameCalls(
            world.parts.engine.docker,
            world.parts.registry.host,
            service.tree.folder,
            limitPort,
            `round-${round}-${Date.now()}`,
          ),
        ),
      ours: async (round) => {
        service.write({ 'www/round': `${round} ${Date.now()}\n` });
        commit = await service.push();
        const run = await service.follow(commit);
        return Date.parse(run.finishedAt!) - Date.parse(run.createdAt);
      },
    },
  );
};

async function sameCalls(docker: Docker, registry: string, folder: string, port: number, tag: string): Promise<void> {
  const base = `${registry}/base/busybox:1`;
  const image = `${registry}/bench/limit:${tag}`;
  await job(docker, base);
  await follow(
    docker,
    await docker.buildImage(
      { context: folder, src: ['Dockerfile', 'www'] },
      { t: image, buildargs: { SLUICE_COMMIT: tag } },
    ),
  );
  await follow(
    docker,
    await docker.getImage(image).push({ authconfig: { username: 'x', password: 'x', serveraddress: registry } }),
  );
  await job(docker, image);
  await release(docker, image, port);
}

/** Network, workspace volume, container, one exec, and all of it away again. */
async function job(docker: Docker, image: string): Promise<void> {
  const [network, volume] = await Promise.all([
    docker.createNetwork({ Name: `bench-${Date.now()}` }),
    docker.createVolume({}),
  ]);
  const container = await docker.createContainer({
    Image: image,
    Entrypoint: ['sh', '-c', 'sleep 600'],
    HostConfig: { NetworkMode: network.id, Binds: [`${volume.name}:/workspace`] },
  });
  await container.start();
  const exec = await container.exec({ Cmd: ['sh', '-e', '-c', 'true'], AttachStdout: true });
  const stream = await exec.start({});
  stream.resume();
  await new Promise((resolve) => stream.once('end', resolve));
  await exec.inspect();
  await container.remove({ force: true });
  await Promise.all([network.remove(), docker.getVolume(volume.name).remove()]);
}

async function release(docker: Docker, image: string, port: number): Promise<void> {
  await follow(docker, (await docker.pull(image)) as NodeJS.ReadableStream);
  const old = await docker.listContainers({ filters: { label: ['bench.limit'] } });
  for (const one of old) await docker.getContainer(one.Id).stop({ t: 0 });
  const container = await docker.createContainer({
    Image: image,
    Labels: { 'bench.limit': '1' },
    ExposedPorts: { '8080/tcp': {} },
    HostConfig: { PortBindings: { '8080/tcp': [{ HostIp: '127.0.0.1', HostPort: String(port) }] } },
  });
  await container.start();
  await eventually(async () => (await fetch(`http://127.0.0.1:${port}/healthz`)).ok, {
    everyMs: 20,
    describe: 'the container to answer',
  });
  for (const one of old) await docker.getContainer(one.Id).remove({ force: true });
}

function follow(docker: Docker, stream: NodeJS.ReadableStream): Promise<void> {
  return new Promise((resolve, reject) =>
    docker.modem.followProgress(stream, (error) => (error ? reject(error) : resolve())),
  );
}

/** The script's last container is left by the last round. */
export async function removeLimitContainers(docker: Docker): Promise<void> {
  const left = await docker.listContainers({ all: true, filters: { label: ['bench.limit'] } });
  await Promise.all(left.map(({ Id }) => docker.getContainer(Id).remove({ force: true })));
}
