import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { person, refusal, runReference, service } from '../scenario/names.ts';
import type { Scene } from '../scenario/scene.ts';
import { TEAM } from '../world/cast.ts';
import { forgeRequest } from '../world/forge-event.ts';
import { expectAnswer } from './refused.ts';
import { stepKind } from './step-kind.ts';

const deliveries = new WeakMap<Scene, Map<string, string>>();

/** The service's forge tells of a push, or of the pull request whose head it moved. */
export const tell = stepKind(
  'tell',
  z.strictObject({
    /** Default: the last one. */
    push: z.string().optional(),
    /** Number of a pull request from a fork. */
    pullRequest: z.number().int().optional(),
    /** Requests with the same name here carry the same delivery id. */
    delivery: z.string().optional(),
    secret: z.enum(['right', 'wrong']).default('right'),
    status: z.number().int().default(202),
  }),
  async (scene, { push: name, pullRequest: number, delivery, secret, status }) => {
    const push = scene.push(name);
    const repository = scene.repository(push.repository);
    if (repository.forge === 'git') throw new Error('A plain git host announces its pushes itself.');
    const ids = deliveries.get(scene) ?? new Map<string, string>();
    deliveries.set(scene, ids);
    const id = ids.get(delivery ?? '') ?? randomUUID();
    if (delivery !== undefined) ids.set(delivery, id);
    const { url, headers, body } = forgeRequest(repository.forge, {
      url: `${scene.world.servers.url}${repository.hookPath}`,
      secret: secret === 'right' ? repository.hookSecret : 'not the secret of this hook',
      delivery: id,
      push,
      ...(number !== undefined && { pullRequest: { number, target: 'main' } }),
    });
    const answer = await fetch(url, { method: 'POST', headers, body });
    if (answer.status !== status)
      throw new Error(`The webhook answered ${answer.status} ${await answer.text()}, expected ${status}.`);
  },
);

/** A person has looked at the commit of a held run and lets it begin. */
export const admit = stepKind(
  'admit',
  z.strictObject({
    service,
    run: runReference,
    by: person.default('dana'),
    refused: refusal,
  }),
  async (scene, { service: slug, run, by, refused }) => {
    const { id: runId, commit } = await scene.run(slug, run);
    await expectAnswer(`The word of ${by}`, () => scene.world.api(by).runs.admitRun({ runId, commit }), refused);
  },
);

/** A person has the branches looked at, for pushes that no webhook announced. */
export const lookForPushes = stepKind(
  'lookForPushes',
  z.strictObject({ by: person.default('dana'), repository: z.string().optional(), finds: z.array(z.string()) }),
  async (scene, { by, repository: name, finds }) => {
    const { id: repositoryId } = scene.repository(name);
    const { found } = await scene.world.api(by).catalog.lookAtRepository({ team: TEAM.slug, repositoryId });
    const wanted = finds.map((push) => scene.push(push).commit);
    if (JSON.stringify(found.map(({ commit }) => commit)) !== JSON.stringify(wanted))
      throw new Error(`The look found ${JSON.stringify(found)}, expected ${JSON.stringify(wanted)}.`);
  },
);
