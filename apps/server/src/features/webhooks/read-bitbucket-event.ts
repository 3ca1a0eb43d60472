import { z } from 'zod';
import type { ForgeDelivery } from '../planning/index.ts';
import { commitId, ignoredEvent, malformed, toPullRequestEvent, toPushEvent, type HookEvent } from './hook-event.ts';

/** `nickname` may be changed at will, so the account's id goes with it. */
const actor = z.object({ uuid: z.string().max(100), nickname: z.string().max(200).optional() });
const tip = z.object({ type: z.string(), name: z.string(), target: z.object({ hash: commitId }) });
const change = z.object({
  old: tip.nullish(),
  new: tip.nullish(),
  commits: z.array(z.object({ hash: commitId, message: z.string().default('') })).nullish(),
});
const push = z.object({ actor: actor.nullish(), push: z.object({ changes: z.array(change) }) });

const end = z.object({
  branch: z.object({ name: z.string() }),
  repository: z.object({ uuid: z.string() }).nullish(),
});
const pullRequest = z.object({
  actor,
  pullrequest: z.object({
    id: z.number().int().positive(),
    title: z.string().default(''),
    /** The first 12 digits only; the branch itself gives the rest. */
    source: end.extend({ commit: z.object({ hash: z.string().regex(/^[0-9a-f]{12,64}$/) }) }),
    destination: end,
  }),
});

const KINDS: Readonly<Record<string, string>> = {
  branch: 'refs/heads/',
  tag: 'refs/tags/',
  annotated_tag: 'refs/tags/',
};
const PULL_REQUESTS = new Map([
  ['pullrequest:created', false],
  ['pullrequest:updated', false],
  ['pullrequest:fulfilled', true],
  ['pullrequest:rejected', true],
]);

/** `name` is the header X-Event-Key. */
export function readBitbucketEvent(name: string, body: unknown): HookEvent {
  const closed = PULL_REQUESTS.get(name);
  if (closed !== undefined) return readPullRequest(body, closed);
  if (name !== 'repo:push') return ignoredEvent(name);
  const read = push.safeParse(body);
  if (!read.success) return malformed(read.error);
  const login = read.data.actor?.nickname ?? null;
  const events = read.data.push.changes.map((one) => toEvent(one, login));
  const [first, ...more] = events.flatMap((event): ForgeDelivery[] =>
    event.kind === 'told' ? [...event.deliveries] : [],
  );
  if (first) return { kind: 'told', deliveries: [first, ...more] };
  return (
    events.find((event) => event.kind === 'ignored') ?? { kind: 'ignored', why: 'The push moved no branch and no tag.' }
  );
}

function toEvent(moved: z.infer<typeof change>, login: string | null): HookEvent {
  const named = moved.new ?? moved.old;
  const folder = KINDS[named?.type ?? ''];
  if (!named || folder === undefined) return ignoredEvent(`repo:push of ${named?.type.slice(0, 40) ?? 'nothing'}`);
  return toPushEvent(
    {
      ref: `${folder}${named.name}`,
      before: moved.old?.target.hash ?? null,
      after: moved.new?.target.hash ?? null,
      // Newest first in Bitbucket's payloads.
      commits: (moved.commits ?? []).map(({ hash, message }) => ({ id: hash, message })).toReversed(),
    },
    login,
  );
}

function readPullRequest(body: unknown, closed: boolean): HookEvent {
  const read = pullRequest.safeParse(body);
  if (!read.success) return malformed(read.error);
  const { actor: by, pullrequest: told } = read.data;
  const outside = told.source.repository?.uuid !== told.destination.repository?.uuid || !told.source.repository;
  if (outside && !closed)
    return {
      kind: 'ignored',
      why: 'Bitbucket does not show commits of a fork in this repository, so its pull requests cannot be run; push a branch of the repository itself.',
    };
  return toPullRequestEvent({
    ref: `refs/heads/${told.source.branch.name}`,
    number: told.id,
    closed,
    head: told.source.commit.hash,
    source: told.source.branch.name,
    target: told.destination.branch.name,
    outside,
    title: told.title,
    by: { id: by.uuid, login: by.nickname ?? by.uuid },
  });
}
