import { z } from 'zod';
import { person, refusal, runReference, service } from '../scenario/names.ts';
import { expectAnswer } from './refused.ts';
import { stepKind } from './step-kind.ts';

export const cancel = stepKind(
  'cancel',
  z.strictObject({
    service,
    run: runReference,
    by: person.default('dana'),
    reason: z.string().optional(),
    refused: refusal,
  }),
  async (scene, { service: slug, run, by, reason, refused }) => {
    const { id } = await scene.run(slug, run);
    await expectAnswer(
      `The cancel by ${by}`,
      () => scene.world.api(by).runs.cancelRun({ runId: id, ...(reason === undefined ? {} : { reason }) }),
      refused,
    );
  },
);

export const rerun = stepKind(
  'rerun',
  z.strictObject({ service, run: runReference, by: person.default('dana'), refused: refusal }),
  async (scene, { service: slug, run, by, refused }) => {
    const { id } = await scene.run(slug, run);
    await expectAnswer(`The re-run by ${by}`, () => scene.world.api(by).runs.rerun({ runId: id }), refused);
  },
);

export const startRun = stepKind(
  'startRun',
  z.strictObject({ service, by: person.default('dana'), refused: refusal }),
  async (scene, { service: slug, by, refused }) => {
    await expectAnswer(
      `The start by ${by}`,
      () => scene.world.api(by).runs.startRun({ service: slug ?? scene.mainService }),
      refused,
    );
  },
);
