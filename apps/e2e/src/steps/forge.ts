import { eventually, FORGES, type ShownStatus } from '@sluice/testing';
import { z } from 'zod';
import { service } from '../scenario/names.ts';
import { TEAM } from '../world/cast.ts';
import { stepKind } from './step-kind.ts';

const forge = z.enum(FORGES);

/** Has the runs of a repository reported to the world's forge. */
export const reportStatuses = stepKind(
  'reportStatuses',
  z.strictObject({ forge, repository: z.string().optional() }),
  async (scene, { forge: kind, repository }) => {
    const { id, name } = scene.repository(repository);
    const { forge: fake } = scene.world;
    await scene.world.admin().catalog.setRepositoryStatuses({
      team: TEAM.slug,
      repositoryId: id,
      statuses: { forge: kind, apiUrl: fake.apiUrl(kind), repository: `shop/${name}`, token: fake.token },
    });
  },
);

/** Takes a forge down, or brings it back. */
export const forgeFails = stepKind(
  'forgeFails',
  z.strictObject({ forge, status: z.number().int().nullable() }),
  async (scene, { forge: kind, status }) => {
    scene.world.forge.fault(status === null ? undefined : { status, body: { message: 'not now' } }, kind);
    scene.atEnd(() => Promise.resolve(scene.world.forge.fault(undefined, kind)));
    await Promise.resolve();
  },
);

const MEANINGS: Readonly<Record<string, 'pending' | 'passed' | 'failed'>> = {
  pending: 'pending',
  running: 'pending',
  INPROGRESS: 'pending',
  success: 'passed',
  SUCCESSFUL: 'passed',
  failure: 'failed',
  failed: 'failed',
  FAILED: 'failed',
};

/** Waits for what the forge shows at last of a service on a commit; `began` is what it showed at first. */
export const forgeShows = stepKind(
  'forgeShows',
  z.strictObject({
    service,
    /** Name of the push. Default: the last one. */
    push: z.string().optional(),
    state: z.enum(['pending', 'passed', 'failed']),
    began: z.enum(['pending', 'passed', 'failed']).optional(),
    says: z.string().optional(),
    /** End of the address that it links to. */
    link: z.string().optional(),
  }),
  async (scene, { service: slug, push, state, began, says = '', link = '' }) => {
    const { commit } = scene.push(push);
    const { forge: fake } = scene.world;
    const context = `sluice/${slug ?? scene.mainService}`;
    const of = (): ShownStatus[] => fake.history.filter((one) => one.commit === commit && one.context === context);
    const right = (one: ShownStatus | undefined) =>
      one !== undefined && MEANINGS[one.state] === state && one.description.includes(says) && one.url.endsWith(link);
    await eventually(() => right(of().at(-1)), { timeoutMs: 60_000 }).catch((error: unknown) => {
      const shown = JSON.stringify(of().map((one) => [one.state, one.description, one.url]));
      throw new Error(
        `The forge shows ${shown} for ${context}, expected ${state}. It refused ${JSON.stringify(fake.refusals.slice(-3))}.`,
        { cause: error },
      );
    });
    const first = of()[0]!;
    if (began !== undefined && MEANINGS[first.state] !== began)
      throw new Error(`The forge showed ${first.state} at first, expected ${began}.`);
  },
);
