import { randomUUID } from 'node:crypto';
import { describePush, pushRequest, type PushRequest } from '@sluice/testing';
import { z } from 'zod';
import type { Scene } from '../scenario/scene.ts';
import { stepKind } from './step-kind.ts';

const schema = z.strictObject({
  /** The push that is announced once more. Default: the last one. */
  push: z.string().optional(),
  /** Requests with the same name here carry the same delivery id. */
  delivery: z.string().default('first'),
  signature: z.enum(['right', 'of-another-secret', 'of-another-body', 'missing', 'malformed']).default('right'),
  /** Times that the very same request is sent, all at once. */
  times: z.number().int().min(1).default(1),
  status: z.number().int(),
  says: z.string().optional(),
});

const deliveries = new WeakMap<Scene, Map<string, string>>();

/** Sends the webhook of a push again, as a git host would, with the id and the signature told. */
export const announce = stepKind(
  'announce',
  schema,
  async (scene, { push: name, delivery, signature, times, status, says }) => {
    const pushed = scene.push(name);
    const repository = scene.repository(pushed.repository);
    const ids = deliveries.get(scene) ?? new Map<string, string>();
    deliveries.set(scene, ids);
    const id = ids.get(delivery) ?? randomUUID();
    ids.set(delivery, id);
    const payload = await describePush(repository.folder, repository.name, pushed.by, {
      before: pushed.before,
      after: pushed.commit,
      ref: pushed.ref,
    });
    const secret = signature === 'of-another-secret' ? 'not the secret of this hook' : repository.hookSecret;
    const request = pushRequest(`${scene.world.servers.url}${repository.hookPath}`, secret, payload, id);
    const answers = await Promise.all(Array.from({ length: times }, () => send(altered(request, signature))));
    const wrong = answers.filter(
      (answer) => answer.status !== status || (says !== undefined && !answer.text.includes(says)),
    );
    if (wrong.length > 0)
      throw new Error(`The webhook answered ${wrong[0]!.status} ${wrong[0]!.text}, expected ${status} ${says ?? ''}.`);
  },
);

function altered(request: PushRequest, signature: z.output<typeof schema>['signature']): PushRequest {
  const { 'X-Sluice-Signature-256': signed = '', ...headers } = request.headers;
  if (signature === 'missing') return { ...request, headers };
  if (signature === 'malformed')
    return { ...request, headers: { ...headers, 'X-Sluice-Signature-256': 'sha256=tell me' } };
  if (signature === 'of-another-body') return { ...request, body: request.body.replace('"name"', '"name" ') };
  return { ...request, headers: { ...headers, 'X-Sluice-Signature-256': signed } };
}

async function send({ url, headers, body }: PushRequest): Promise<{ status: number; text: string }> {
  const answer = await fetch(url, { method: 'POST', headers, body });
  return { status: answer.status, text: await answer.text() };
}
