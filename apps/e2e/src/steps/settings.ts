import { z } from 'zod';
import { settingsOf, putEnvironment } from '../world/environments.ts';
import { TEAM } from '../world/cast.ts';
import { service } from '../scenario/names.ts';
import { stepKind } from './step-kind.ts';

export const secret = stepKind(
  'secret',
  z.strictObject({ name: z.string(), value: z.string(), service, environment: z.string().optional() }),
  async (scene, { name, value, service: slug, environment }) => {
    await scene.world
      .admin()
      .catalog.putSecret({ team: TEAM.slug, name, value, service: slug ?? null, environment: environment ?? null });
  },
);

/** Changes what containers of one of the scenario's own environments are given. */
export const changeEnvironment = stepKind(
  'changeEnvironment',
  z.strictObject({ environment: z.string(), env: z.record(z.string(), z.string()) }),
  async (scene, { environment, env }) => {
    if (!scene.scenario.environments.some(({ name }) => name === environment))
      throw new Error(`${environment} is shared with other scenarios; name one of your own.`);
    const plan = scene.environment(environment);
    await putEnvironment(scene.world.admin(), plan, settingsOf(plan, scene.world.parts.engine.address, env));
  },
);
