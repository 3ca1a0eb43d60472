import { setTimeout as pause } from 'node:timers/promises';
import { eventually } from '@sluice/testing';
import { readLog } from '../scenario/read-log.ts';
import type { Scene } from '../scenario/scene.ts';
import { TEAM } from '../world/cast.ts';
import { settingsOf } from '../world/environments.ts';
import { passDays, sweepUntil } from '../world/pass-days.ts';
import { readDatabase } from '../world/read-database.ts';
import { askAgain } from './ask-again.ts';
import type { InterruptedEngine } from './interrupted-engine.ts';
import { approve, comeToGate, endOf, pushOnce } from './release-once.ts';
import { keepContainers } from './kept-container.ts';
import { forgetImage } from './forget-image.ts';
import { rowsOfRemoved, rowsOfRun, rowsOfSettings, type Rows } from './rows.ts';

const PATIENCE_MS = 120_000;
/** Time in which a server notices that a connection has ended. */
const NOTICE_MS = 400;

export interface Stage {
  readonly scene: Scene;
  /** Through which production is reached. */
  readonly engine: InterruptedEngine;
}

/** Plays one course to its end, however often servers die meanwhile. Gives a way to read what it left. */
type Course = (stage: Stage, name: string) => Promise<() => Promise<Rows>>;

export type CourseName =
  | 'release'
  | 'release to a bare engine'
  | 'release to a silent engine'
  | 'unhealthy release'
  | 'long log'
  | 'dying runner'
  | 'retention'
  | 'kept container'
  | 'settings';

export const COURSES: Readonly<Record<CourseName, Course>> = {
  release: async ({ scene }, name) => {
    const runId = await pushOnce(scene, name, 'v1');
    await approve(scene, name);
    await endOf(scene, name, 'passed');
    return () => rowsOfRun(scene, runId, name);
  },

  /** The image has left the engine since it was built, and the network was never there. */
  'release to a bare engine': async ({ scene, engine }, name) => {
    await putProduction({ scene, engine }, `production-${name}`);
    const runId = await pushOnce(scene, name, 'v1');
    await comeToGate(scene, name);
    await forgetImage(scene, name);
    await approve(scene, name);
    await endOf(scene, name, 'passed');
    return () => rowsOfRun(scene, runId, name);
  },

  /** The engine of production answers nobody until the deployment is `unknown`. */
  'release to a silent engine': async ({ scene, engine }, name) => {
    const runId = await pushOnce(scene, name, 'v1');
    await comeToGate(scene, name);
    engine.interrupt();
    try {
      await approve(scene, name);
      await untilRow(scene, `the deployment of ${name} to be unknown`, {
        text: `select 1 from deployments d join releases r on r.id = d.release_id where r.run_id = $1::uuid and d.status = 'unknown'`,
        values: [runId],
      });
    } finally {
      engine.heal();
    }
    await endOf(scene, name, 'passed');
    return () => rowsOfRun(scene, runId, name);
  },

  'unhealthy release': async ({ scene }, name) => {
    const runId = await pushOnce(scene, name, 'unhealthy');
    await endOf(scene, name, 'failed');
    return () => rowsOfRun(scene, runId, name);
  },

  'long log': async ({ scene }, name) => {
    const runId = await pushOnce(scene, name, 'long-log');
    await endOf(scene, name, 'passed');
    return () => rowsOfRun(scene, runId, name);
  },

  /** Time goes by, and what the run left is removed: first its log, then all of it. */
  retention: async ({ scene }, name) => {
    const { world } = scene;
    const runId = await pushOnce(scene, name, 'long-log');
    await endOf(scene, name, 'passed');
    const before = await rowsOfRun(scene, runId, name);
    await passDays(world, runId, 100);
    await sweepUntil(world, `the log of ${name} to be removed`, {
      text: `select 1 from attempts where run_id = $1::uuid and log_removed_at is not null and not exists (select 1 from log_puts where abandoned_at is not null)`,
      values: [runId],
    });
    const without = await rowsOfRemoved(scene, runId);
    await passDays(world, runId, 300);
    await sweepUntil(world, `the run of ${name} to be removed`, {
      text: `select 1 where not exists (select 1 from runs where id = $1::uuid) and not exists (select 1 from log_puts where abandoned_at is not null)`,
      values: [runId],
    });
    const after = await rowsOfRemoved(scene, runId);
    return () => Promise.resolve({ before: before['attempts'], without, after });
  },

  /** A runner goes before it has heard of its lease, comes back, and goes again in mid-step. */
  'dying runner': async ({ scene }, name) => {
    const runner = scene.ownRunner!;
    // Nothing may be left of it that a dead server still has waiting: that would be given the lease.
    await runner.stop();
    const runId = await pushOnce(scene, name, 'dying-runner');
    const attempt = (status: string) => ({
      text: `select 1 from attempts where run_id = $1::uuid and status = $2`,
      values: [runId, status],
    });
    // A lease is granted and its answer cannot be made up: no repository can be read meanwhile.
    await readDatabase(scene.world, async (database) => {
      await database.query('begin');
      await database.query('lock table repositories in access exclusive mode');
      await runner.start();
      await untilRow(scene, `a lease of ${name}`, attempt('running'));
      await runner.stop('SIGKILL');
      await pause(NOTICE_MS);
      await database.query('rollback');
    });
    await untilRow(scene, `the lease of ${name} to be given back`, attempt('queued'));
    await runner.start();
    await eventually(
      async () => {
        const { jobs } = await scene.run(undefined, name);
        return (await readLog(scene.world, 'vera', jobs[0]!.attempts[0]!.id)).includes('counting');
      },
      { timeoutMs: PATIENCE_MS, describe: `the job of ${name} to count` },
    );
    await runner.stop('SIGKILL');
    await untilRow(scene, `the attempt of ${name} to be lost`, attempt('lost'));
    await runner.start();
    await endOf(scene, name, 'passed');
    await runner.stop();
    return () => rowsOfRun(scene, runId, name);
  },

  'kept container': ({ scene }, name) => keepContainers(scene, name),

  settings: async ({ scene, engine }, name) => {
    const settings = settingsOf(
      { ...scene.environment('staging'), network: scene.world.network(name) },
      engine.address,
    );
    await askAgain(`the environment ${name}`, () =>
      scene.world.admin().catalog.putEnvironment({ team: TEAM.slug, name, order: 50, settings }),
    );
    await askAgain(`the secret of ${name}`, () =>
      scene.world.admin().catalog.putSecret({
        team: TEAM.slug,
        name: secretOf(name),
        value: 'known to nobody else',
        service: null,
        environment: name,
      }),
    );
    return () => rowsOfSettings(scene, name, secretOf(name));
  },
};

/** Production is reached through the engine that can be interrupted. */
export async function putProduction({ scene, engine }: Stage, network: string): Promise<void> {
  const plan = { ...scene.environment('production'), network: scene.world.network(network) };
  await askAgain('the settings of production', () =>
    scene.world.admin().catalog.putEnvironment({
      team: TEAM.slug,
      name: plan.name,
      order: plan.order,
      settings: settingsOf(plan, engine.address),
    }),
  );
}

function secretOf(name: string): string {
  return `OF_${name.toUpperCase().replaceAll(/\W/g, '_')}`;
}

async function untilRow(scene: Scene, what: string, query: { text: string; values: unknown[] }): Promise<void> {
  await eventually(
    () => readDatabase(scene.world, async (database) => ((await database.query(query)).rowCount ?? 0) > 0),
    { timeoutMs: PATIENCE_MS, everyMs: 50, describe: what },
  );
}
