import { z } from 'zod';
import { malformed, pushBody, toPushEvent, type HookEvent } from './hook-event.ts';

const githubPush = pushBody.extend({ sender: z.object({ login: z.string().max(200) }).nullish() });

/** `name` is the header X-GitHub-Event. The sender is the signed-in account; names and mails of commits prove nothing. */
export function readGithubEvent(name: string, body: unknown): HookEvent {
  if (name === 'ping') return { kind: 'ping' };
  if (name !== 'push') return { kind: 'ignored', why: `Events of the kind ${name} start nothing here.` };
  const read = githubPush.safeParse(body);
  if (!read.success) return malformed(read.error);
  // A push by a deploy key has the name "none" and no sender.
  const login = read.data.sender?.login ?? read.data.pusher?.name ?? 'none';
  return toPushEvent(read.data, login === 'none' ? null : login);
}
