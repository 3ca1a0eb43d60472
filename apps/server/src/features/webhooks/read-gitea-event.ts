import { z } from 'zod';
import { ignoredEvent, malformed, pushBody, toPushEvent, type HookEvent } from './hook-event.ts';
import { readPullRequest } from './read-github-event.ts';

const giteaPush = pushBody.extend({ sender: z.object({ login: z.string().max(200) }).nullish() });

/** `name` is the header X-Gitea-Event, of Gitea and of Forgejo. A new tag comes as a push; the event `create` beside it tells nothing more. */
export function readGiteaEvent(name: string, body: unknown): HookEvent {
  if (name === 'pull_request' || name === 'pull_request_sync') return readPullRequest(body);
  if (name !== 'push') return ignoredEvent(name);
  const read = giteaPush.safeParse(body);
  if (!read.success) return malformed(read.error);
  // Newest first in Gitea's payloads.
  const commits = (read.data.commits ?? []).toReversed();
  return toPushEvent({ ...read.data, commits }, read.data.sender?.login ?? null);
}
