import { eventually } from '@sluice/testing';
import { z } from 'zod';
import { person, refusal, runReference, service } from '../scenario/names.ts';
import type { GateCard, Scene } from '../scenario/scene.ts';
import { expectAnswer } from './refused.ts';
import { stepKind } from './step-kind.ts';

const gate = { service, run: runReference, environment: z.string().default('production') };

/** Reads a gate's card, keeps it by name, and compares what is told of it. */
export const look = stepKind(
  'look',
  z.strictObject({
    ...gate,
    by: person,
    as: z.string().default('card'),
    can: z.boolean().optional(),
    why: z.string().optional(),
    given: z.number().optional(),
    needed: z.number().optional(),
    unlinked: z.array(z.string()).optional(),
    evidence: z.record(z.string(), z.string()).optional(),
  }),
  async (scene, { service: slug, run, environment, by, as, can, why, given, needed, unlinked, evidence }) => {
    const card = await readCard(scene, by, slug, run, environment);
    scene.cards.set(as, card);
    const facts: [string, unknown, unknown][] = [
      [`may ${by} decide`, card.me.can, can],
      [`why ${by} may not`, card.me.code, why],
      ['approvals given', card.given, given],
      ['approvals needed', card.needed, needed],
      ['unlinked identities', [...new Set(card.unlinked.map(({ identity }) => identity))].sort(), unlinked?.toSorted()],
      ...Object.entries(evidence ?? {}).map(([kind, state]): [string, unknown, unknown] => [
        `evidence ${kind}`,
        card.evidence.find((item) => item.kind === kind)?.state,
        state,
      ]),
    ];
    const wrong = facts.filter(
      ([, is, should]) => should !== undefined && JSON.stringify(is) !== JSON.stringify(should),
    );
    if (wrong.length > 0)
      throw new Error(
        `The gate card: ${wrong.map(([what, is, should]) => `${what}: ${JSON.stringify(is)}, expected ${JSON.stringify(should)}`).join('; ')}`,
      );
  },
);

const decision = {
  ...gate,
  by: person,
  /** Name of the card that the person had looked at. Default: what is there now. */ seen: z.string().optional(),
  refused: refusal,
};

export const approve = stepKind(
  'approve',
  z.strictObject({ ...decision, note: z.string().optional() }),
  async (scene, { service: slug, run, environment, by, seen, refused, note }) => {
    const card = seen === undefined ? await readCard(scene, by, slug, run, environment) : seenCard(scene, seen);
    await expectAnswer(
      `The approval by ${by}`,
      () =>
        scene.world.api(by).lanes.approve({
          deploymentId: card.deploymentId,
          binding: card.binding,
          ...(note === undefined ? {} : { note }),
        }),
      refused,
    );
  },
);

export const reject = stepKind(
  'reject',
  z.strictObject({ ...decision, reason: z.string() }),
  async (scene, { service: slug, run, environment, by, seen, refused, reason }) => {
    const card = seen === undefined ? await readCard(scene, by, slug, run, environment) : seenCard(scene, seen);
    await expectAnswer(
      `The rejection by ${by}`,
      () => scene.world.api(by).lanes.reject({ deploymentId: card.deploymentId, binding: card.binding, reason }),
      refused,
    );
  },
);

function seenCard(scene: Scene, name: string): GateCard {
  const card = scene.cards.get(name);
  if (card === undefined) throw new Error(`Nobody has looked at a card named ${name}.`);
  return card;
}

async function readCard(
  scene: Scene,
  by: string,
  slug: string | undefined,
  run: number | string | undefined,
  environment: string,
): Promise<GateCard> {
  const deploymentId = await eventually(
    async () => (await scene.findRun(slug, run))?.lanes.find((lane) => lane.environment === environment)?.deploymentId,
    { timeoutMs: 20_000, describe: `the release to come to the gate of ${environment}` },
  );
  return scene.world.api(by).lanes.getApproval({ deploymentId });
}
