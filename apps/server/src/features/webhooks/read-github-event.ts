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

/** A renamed account keeps its number, and a login that became free may be somebody else's tomorrow. */
const account = z.object({ login: z.string().max(200), id: z.number().int() });
const githubPush = pushBody.extend({ sender: z.object({ login: z.string().max(200) }).nullish() });

/** GitHub's shape, which Gitea follows. `repo` is null when the fork is gone. */
export const pullRequestBody = z.object({
  action: z.string(),
  number: z.number().int().positive(),
  pull_request: z.object({
    title: z.string().default(''),
    head: z.object({ ref: z.string(), sha: commitId, repo: z.object({ id: z.number().int() }).nullish() }),
    base: z.object({ ref: z.string(), repo: z.object({ id: z.number().int() }) }),
  }),
  sender: account,
});

const HEAD_ACTIONS = new Set(['opened', 'reopened', 'synchronize', 'synchronized']);

/** `name` is the header X-GitHub-Event. The sender is the signed-in account; names and mails of commits prove nothing. */
export function readGithubEvent(name: string, body: unknown): HookEvent {
  if (name === 'ping') return { kind: 'ping' };
  if (name === 'pull_request') return readPullRequest(body);
  if (name !== 'push') return ignoredEvent(name);
  const read = githubPush.safeParse(body);
  if (!read.success) return malformed(read.error);
  // A push by a deploy key has the name "none" and no sender.
  const login = read.data.sender?.login ?? read.data.pusher?.name ?? 'none';
  return toPushEvent(read.data, login === 'none' ? null : login);
}

/** Opened, pushed to, closed. What else happens to a pull request (a label, a review) moves no commit. */
export function readPullRequest(body: unknown): HookEvent {
  const action = z.object({ action: z.string() }).safeParse(body);
  if (action.success && action.data.action !== 'closed' && !HEAD_ACTIONS.has(action.data.action))
    return ignoredEvent(`pull_request ${action.data.action.slice(0, 40)}`);
  const read = pullRequestBody.safeParse(body);
  if (!read.success) return malformed(read.error);
  const { number, pull_request: told, sender } = read.data;
  return toPullRequestEvent({
    ref: `refs/pull/${number}/head`,
    number,
    closed: read.data.action === 'closed',
    head: told.head.sha,
    source: told.head.ref,
    target: told.base.ref,
    outside: told.head.repo?.id !== told.base.repo.id,
    title: told.title,
    by: { id: String(sender.id), login: sender.login },
  });
}
