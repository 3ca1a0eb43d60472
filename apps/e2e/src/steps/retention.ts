import { z } from 'zod';
import { runReference, service } from '../scenario/names.ts';
import { passDays, sweepUntil } from '../world/pass-days.ts';
import { stepKind } from './step-kind.ts';

/** As if so many days had passed since a run ended; then waits until retention has removed its logs, or all of it. */
export const growOld = stepKind(
  'growOld',
  z.strictObject({ service, run: runReference, days: z.number().int().min(1), removes: z.enum(['logs', 'run']) }),
  async (scene, { service: slug, run, days, removes }) => {
    const { id } = await scene.run(slug, run);
    await passDays(scene.world, id, days);
    await sweepUntil(scene.world, `the ${removes} to be removed`, {
      text:
        removes === 'logs'
          ? `select 1 where not exists (select 1 from attempts where run_id = $1::uuid and log_removed_at is null)`
          : `select 1 where not exists (select 1 from runs where id = $1::uuid)`,
      values: [id],
    });
  },
);
