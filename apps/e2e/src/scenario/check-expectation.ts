import { eventually } from '@sluice/testing';
import { containersOfLane } from '../world/released-containers.ts';
import type { Expectation } from './expected-run.ts';
import { runDifferences } from './run-differences.ts';
import type { Scene } from './scene.ts';

const ATTEMPT_LABEL = 'sluice.attempt';

/** Compares what is with what should be; every difference is one sentence. */
export async function checkExpectation(scene: Scene, expected: Expectation): Promise<string[]> {
  const found: string[] = [];
  for (const wanted of expected.runs) {
    const run = await scene.findRun(wanted.service, wanted.run);
    const label = `run ${wanted.run ?? 'of the last push'} of ${wanted.service ?? scene.mainService}`;
    if (run === undefined) found.push(`${label} does not exist`);
    else
      found.push(
        ...(await runDifferences(scene, run, wanted)).map((difference) => `${label}: ${difference}`),
        ...(await eventGaps(scene, run.id)).map((gap) => `${label}: ${gap}`),
      );
  }
  for (const [service, count] of Object.entries(expected.runCount)) {
    const { items } = await scene.reader.runs.listRuns({ service, limit: 50 });
    if (items.length !== count) found.push(`${service} has ${items.length} runs, expected ${count}`);
  }
  for (const live of expected.live)
    found.push(...(await liveDifferences(scene, live.service ?? scene.mainService, live.environment, live.serves)));
  for (const { service = scene.mainService, environment, count } of expected.deployments) {
    const { items } = await scene.reader.runs.listRuns({ service, limit: 50 });
    const runs = await Promise.all(items.map(({ number }) => scene.reader.runs.getRun({ service, number })));
    const ids = runs.flatMap(({ lanes }) =>
      lanes
        .filter((lane) => lane.environment === environment && lane.deploymentId !== null)
        .map((lane) => lane.deploymentId),
    );
    if (new Set(ids).size !== count)
      found.push(`${service} had ${new Set(ids).size} deployments in ${environment}, expected ${count}`);
  }
  if (expected.noLeftovers) found.push(...(await leftovers(scene)));
  return found;
}

/** I01: every move has exactly one event, numbered without a gap. */
async function eventGaps(scene: Scene, runId: string): Promise<string[]> {
  const events = await scene.reader.runs.getRunEvents({ runId });
  const numbers = events.map(({ sequence }) => sequence);
  const first = numbers[0] ?? 1;
  return numbers.every((sequence, index) => sequence === first + index)
    ? []
    : [`its events are numbered ${numbers.join(', ')}`];
}

async function liveDifferences(scene: Scene, service: string, environment: string, serves: string): Promise<string[]> {
  const { docker } = scene.world.parts.engine;
  const place = `${environment} of ${service}`;
  const containers = await containersOfLane(docker, scene.world.network(environment), service, environment);
  if (serves === 'nothing')
    return containers.length === 0 ? [] : [`${containers.length} containers run in ${place}, expected none`];
  if (containers.length !== 1) return [`${containers.length} containers run in ${place}, expected one`];
  const { commit } = scene.push(serves);
  const port = scene.environment(environment).ports[service];
  const answer = await eventually(() => fetch(`http://127.0.0.1:${port}/version`).then((response) => response.text()), {
    timeoutMs: 5_000,
    describe: `${place} to answer on port ${port}`,
  }).catch((error: unknown) => String(error));
  const found =
    answer.trim() === commit
      ? []
      : [`${place} answers with ${JSON.stringify(answer.trim())}, expected the commit ${commit}`];
  const run = await scene.run(service, serves);
  const { RepoDigests } = await docker.getImage(containers[0]!.ImageID).inspect();
  if (run.image === null || !RepoDigests.includes(`${run.image.repository}@${run.image.digest}`))
    found.push(`the container of ${place} runs ${RepoDigests.join(', ')}, and the run built ${run.image?.digest}`);
  return found;
}

/** Removal may lag behind the word that a job has ended, so it is given a moment. */
async function leftovers(scene: Scene): Promise<string[]> {
  const { docker } = scene.world.parts.engine;
  const attempts = new Set<string>();
  for (const { name } of scene.scenario.services) {
    const { items } = await scene.reader.runs.listRuns({ service: name, limit: 50 });
    for (const { number } of items) {
      const run = await scene.reader.runs.getRun({ service: name, number });
      for (const attempt of run.jobs.flatMap((job) => job.attempts)) attempts.add(attempt.id);
    }
  }
  const ours = ({ Labels }: { Labels?: Record<string, string> | null | undefined }) =>
    attempts.has(Labels?.[ATTEMPT_LABEL] ?? '');
  const look = async () => {
    const filters = { label: [ATTEMPT_LABEL] };
    const [containers, networks, volumes] = await Promise.all([
      docker.listContainers({ all: true, filters }),
      docker.listNetworks({ filters }),
      docker.listVolumes({ filters }),
    ]);
    return [
      ...containers.filter(ours).map(({ Names }) => `the container ${Names[0]} of an attempt is left`),
      ...networks.filter(ours).map(({ Name }) => `the network ${Name} of an attempt is left`),
      ...volumes.Volumes.filter(ours).map(({ Name }) => `the volume ${Name} of an attempt is left`),
    ];
  };
  const clean = await eventually(async () => (await look()).length === 0, { timeoutMs: 10_000, everyMs: 200 }).catch(
    () => false,
  );
  return clean ? [] : look();
}
