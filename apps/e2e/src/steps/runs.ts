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
  z.strictObject({
    service,
    run: runReference,
    by: person.default('dana'),
    /** `failed`, a stage (`test`) or a job (`test/acceptance`). Default: everything. */
    only: z.string().optional(),
    /** Keep the containers of jobs that fail in it. */
    keepMinutes: z.number().optional(),
    refused: refusal,
  }),
  async (scene, { service: slug, run, by, only, keepMinutes, refused }) => {
    const { id } = await scene.run(slug, run);
    const what = {
      ...(only === undefined ? {} : { scope: scopeOf(only) }),
      ...(keepMinutes === undefined ? {} : { debug: { keepMinutes } }),
    };
    await expectAnswer(`The re-run by ${by}`, () => scene.world.api(by).runs.rerun({ runId: id, ...what }), refused);
  },
);

const stage = z.enum(['commit', 'build', 'test', 'release']);

function scopeOf(only: string) {
  if (only === 'failed') return { kind: 'failed' as const };
  if (only.includes('/')) return { kind: 'job' as const, job: only };
  return { kind: 'stage' as const, stage: stage.parse(only) };
}

export const startRun = stepKind(
  'startRun',
  z.strictObject({
    service,
    by: person.default('dana'),
    inputs: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
    refused: refusal,
  }),
  async (scene, { service: slug, by, inputs, refused }) => {
    await expectAnswer(
      `The start by ${by}`,
      () => scene.world.api(by).runs.startRun({ service: slug ?? scene.mainService, ...(inputs ? { inputs } : {}) }),
      refused,
    );
  },
);
