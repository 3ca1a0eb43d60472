import { z } from 'zod';
import { person, runReference, service } from '../scenario/names.ts';
import type { Scene } from '../scenario/scene.ts';
import { stepKind } from './step-kind.ts';

const request = z
  .string()
  .regex(/^(GET|POST|PUT|DELETE) \/\S+$/, 'write a method and a path, such as GET /api/v1/board');

/** Asks for addresses as this person, or as nobody, and expects the same status of all; `{run}` and the like stand for ids. */
export const ask = stepKind(
  'ask',
  z.strictObject({
    as: z.union([person, z.literal('nobody')]),
    requests: z.array(request),
    body: z.record(z.string(), z.unknown()).optional(),
    service,
    run: runReference,
    environment: z.string().default('staging'),
    status: z.number().int(),
    lacks: z.array(z.string()).default([]),
  }),
  async (scene, { as, requests, body, service: slug, run, environment, status, lacks }) => {
    const words = await wordsOf(scene, slug, run, environment);
    const problems: string[] = [];
    for (const text of requests) {
      const [method = 'GET', path = ''] = text.split(' ');
      const address = path.replace(/\{(\w+)\}/g, (all, word: string) => words[word] ?? all);
      const answer = await fetch(`${scene.world.servers.url}${address}`, {
        method,
        headers: {
          ...(as === 'nobody' ? {} : { authorization: `Bearer ${scene.world.people[as]!.token}` }),
          ...(method === 'GET' ? {} : { 'content-type': 'application/json' }),
        },
        ...(method === 'GET'
          ? {}
          : {
              body: JSON.stringify(body ?? {}, (_, value: unknown) =>
                typeof value === 'string'
                  ? value.replace(/\{(\w+)\}/g, (all, word: string) => words[word] ?? all)
                  : value,
              ),
            }),
      });
      const said = await answer.text();
      if (answer.status !== status) problems.push(`${text} answered ${answer.status} ${said.slice(0, 200)}`);
      for (const word of lacks)
        if (said.includes(word.replace(/\{(\w+)\}/g, (all, key: string) => words[key] ?? all)))
          problems.push(`${text} answers with ${word}`);
    }
    if (problems.length > 0) throw new Error(`As ${as}, expected ${status}: ${problems.join('; ')}`);
  },
);

async function wordsOf(
  scene: Scene,
  slug: string | undefined,
  run: number | string | undefined,
  environment: string,
): Promise<Record<string, string>> {
  const detail = await scene.run(slug, run);
  const service = detail.service;
  const { lanes } = await scene.reader.runs.getService({ service });
  const attempt = detail.jobs[0]?.attempts[0];
  return {
    service,
    team: detail.team,
    run: detail.id,
    number: String(detail.number),
    attempt: attempt?.id ?? '',
    deployment: detail.lanes.find((lane) => lane.environment === environment)?.deploymentId ?? '',
    lane: lanes.find((lane) => lane.environment === environment)?.laneId ?? '',
    binding: scene.cards.get('card')?.binding ?? 'none',
  };
}
