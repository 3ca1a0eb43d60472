import type { RunnerProcess } from '@sluice/testing';
import { eventually } from '@sluice/testing';
import { z } from 'zod';
import { runReference, service } from '../scenario/names.ts';
import type { Scene } from '../scenario/scene.ts';
import { stepKind } from './step-kind.ts';

const nothing = z.strictObject({});

/** kill -9: no last word, containers stay behind. */
export const killRunner = stepKind('killRunner', nothing, async (scene) => {
  await own(scene).stop('SIGKILL');
});

/** SIGTERM; does not wait for its end. */
export const drainRunner = stepKind('drainRunner', nothing, async (scene) => own(scene).askToDrain());

export const awaitRunnerEnd = stepKind(
  'awaitRunnerEnd',
  z.strictObject({ within: z.number().default(30) }),
  async (scene, { within }) => own(scene).ended(within * 1000),
);

/** `host`: this time it also takes jobs without a container. `warm`: so many containers are started before their job comes. `once`: one job, then it ends. */
export const startRunner = stepKind(
  'startRunner',
  z.strictObject({
    host: z.boolean().default(false),
    warm: z.number().int().default(0),
    once: z.boolean().default(false),
  }),
  async (scene, { host, warm, once }) =>
    own(scene).start({
      ...(once ? { SLUICE_RUNNER_ONCE: 'true' } : {}),
      ...(host ? { SLUICE_RUNNER_HOST_EXECUTOR: 'true' } : {}),
      ...(warm > 0 ? { SLUICE_RUNNER_WARM_CONTAINERS: String(warm) } : {}),
    }),
);

/** What an autoscaler is told of the own runner's pool; only what is named is compared. */
export const poolLoad = stepKind(
  'poolLoad',
  z.strictObject({
    queued: z.number().int().optional(),
    running: z.number().int().optional(),
    slots: z.number().int().optional(),
    wanted: z.number().int().optional(),
  }),
  async (scene, expected) => {
    let last: object | undefined;
    const found = await eventually(
      async () => {
        const loads = await scene.world.admin().catalog.listPoolLoads();
        const load = loads.find(({ pool }) => pool === own(scene).name);
        last = load;
        return Object.entries(expected).every(([key, value]) => load?.[key as keyof typeof expected] === value);
      },
      { timeoutMs: 30_000, everyMs: 100, describe: 'the load of the pool' },
    ).catch(() => false);
    if (!found)
      throw new Error(`The load of the pool is ${JSON.stringify(last)}, expected ${JSON.stringify(expected)}.`);
  },
);

/** Id of the container that was seen waiting. */
const waiting = new WeakMap<Scene, string>();

/** The own runner has a container that waits for a job. */
export const warmContainer = stepKind('warmContainer', nothing, async (scene) => {
  const filters = { label: [`sluice.runner=${own(scene).identity()}`], name: ['sluice-warm-'], status: ['running'] };
  const id = await eventually(async () => (await scene.world.parts.engine.docker.listContainers({ filters }))[0]?.Id, {
    timeoutMs: 15_000,
    everyMs: 100,
    describe: 'a container that waits for a job',
  });
  waiting.set(scene, id);
});

/** The job that runs has got the container that was seen waiting. */
export const servedWarm = stepKind(
  'servedWarm',
  z.strictObject({ service, run: runReference, job: z.string() }),
  async (scene, { service: slug, run, job }) => {
    const { jobs } = await scene.run(slug, run);
    const attempt = jobs.find(({ key }) => key === job)?.attempts.at(-1);
    const { Id } = await scene.world.parts.engine.docker.getContainer(`sluice-${attempt?.id}-1`).inspect();
    if (Id !== waiting.get(scene)) throw new Error(`${job} runs in ${Id}, and ${waiting.get(scene)} waited for it.`);
  },
);

/** Containers that the own runner has in the engine, found by its label. */
export const runnerContainers = stepKind(
  'runnerContainers',
  z.strictObject({ some: z.boolean() }),
  async (scene, { some }) => {
    const filters = { label: [`sluice.runner=${own(scene).identity()}`] };
    await eventually(
      async () => (await scene.world.parts.engine.docker.listContainers({ all: true, filters })).length > 0 === some,
      {
        timeoutMs: 15_000,
        everyMs: 100,
        describe: some ? 'containers of the runner' : 'the containers of the runner to be removed',
      },
    );
  },
);

/** The own runner has spoken with its engine over the door of the scenario; nothing else goes that way. */
export const remoteEngineUsed = stepKind('remoteEngineUsed', nothing, async ({ door }) => {
  if (door === undefined) throw new Error('The scenario has no engine of its own: write `ownRunner: remote-engine`.');
  if (door.letIn === 0) throw new Error('The runner never came to the engine over TLS.');
});

/** What a runner says that comes back after it lost its lease. */
export const lateResult = stepKind(
  'lateResult',
  z.strictObject({
    service,
    run: runReference,
    job: z.string(),
    epoch: z.number().int().default(1),
    status: z.number().int(),
    code: z.string(),
  }),
  async (scene, { service: slug, run, job, epoch, status, code }) => {
    const { jobs } = await scene.run(slug, run);
    const attempt = jobs.find(({ key }) => key === job)?.attempts.at(-1);
    if (attempt === undefined) throw new Error(`There is no attempt of ${job}.`);
    const answer = await fetch(`${scene.world.servers.url}/api/v1/runner/attempts/${attempt.id}/result`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${own(scene).token()}` },
      body: JSON.stringify({
        epoch,
        result: {
          outcome: 'passed',
          steps: [],
          log: {
            length: 0,
            sha256: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
            truncated: false,
          },
        },
      }),
    });
    const text = await answer.text();
    if (answer.status !== status || !text.includes(code))
      throw new Error(`The late result was answered with ${answer.status} ${text}, expected ${status} ${code}.`);
  },
);

function own(scene: Scene): RunnerProcess {
  if (scene.ownRunner === undefined) throw new Error('The scenario has no runner of its own: write `ownRunner: true`.');
  return scene.ownRunner;
}
