import { z } from 'zod';
import { TEAM } from '../world/cast.ts';
import { service } from '../scenario/names.ts';
import { stepKind } from './step-kind.ts';

/** Limits the running jobs of the team, or of one of its services; lifted when the scenario is over. */
export const limit = stepKind(
  'limit',
  z.strictObject({ service, runningJobs: z.number().int().min(1).nullable() }),
  async (scene, { service: slug, runningJobs }) => {
    const { catalog } = scene.world.admin();
    const put = (max: number | null) =>
      slug === undefined
        ? catalog.putTeamLimit({ team: TEAM.slug, runningJobs: max })
        : catalog.putServiceLimit({ team: TEAM.slug, service: slug, runningJobs: max });
    if (slug === undefined && !scene.scenario.exclusive)
      throw new Error('Other scenarios share the team: write `exclusive: true`.');
    scene.atEnd(() => put(null));
    await put(runningJobs);
  },
);
