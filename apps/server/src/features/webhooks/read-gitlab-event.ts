import { z } from 'zod';
import {
  commitId,
  ignoredEvent,
  malformed,
  pushBody,
  toPullRequestEvent,
  toPushEvent,
  type HookEvent,
} from './hook-event.ts';

/** `user_username` is the account that pushed; the names in `commits` are free text. */
const gitlabPush = pushBody.extend({ user_username: z.string().max(200).nullish() });

const mergeRequest = z.object({
  user: z.object({ id: z.number().int(), username: z.string().max(200) }),
  object_attributes: z.object({
    iid: z.number().int().positive(),
    title: z.string().default(''),
    action: z.string().optional(),
    source_branch: z.string(),
    target_branch: z.string(),
    /** null when the fork is gone. */
    source_project_id: z.number().int().nullish(),
    target_project_id: z.number().int(),
    last_commit: z.object({ id: commitId }),
  }),
});

/** `update` also tells of labels and titles: the same head again, which starts nothing twice. */
const ACTIONS = new Map([
  ['open', false],
  ['reopen', false],
  ['update', false],
  ['close', true],
  ['merge', true],
]);

/** `name` is the header X-Gitlab-Event. */
export function readGitlabEvent(name: string, body: unknown): HookEvent {
  if (name === 'Merge Request Hook') return readMergeRequest(body);
  if (name !== 'Push Hook' && name !== 'Tag Push Hook') return ignoredEvent(name);
  const read = gitlabPush.safeParse(body);
  if (!read.success) return malformed(read.error);
  return toPushEvent(read.data, read.data.user_username ?? null);
}

function readMergeRequest(body: unknown): HookEvent {
  const read = mergeRequest.safeParse(body);
  if (!read.success) return malformed(read.error);
  const { user, object_attributes: told } = read.data;
  const closed = ACTIONS.get(told.action ?? '');
  if (closed === undefined) return ignoredEvent(`merge request ${(told.action ?? 'without action').slice(0, 40)}`);
  return toPullRequestEvent({
    ref: `refs/merge-requests/${told.iid}/head`,
    number: told.iid,
    closed,
    head: told.last_commit.id,
    source: told.source_branch,
    target: told.target_branch,
    outside: told.source_project_id !== told.target_project_id,
    title: told.title,
    by: { id: String(user.id), login: user.username },
  });
}
