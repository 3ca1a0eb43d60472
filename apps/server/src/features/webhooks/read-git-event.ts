import { ignoredEvent, malformed, pushBody, toPushEvent, type HookEvent } from './hook-event.ts';

/** `name` is the header X-Sluice-Event, sent by the post-receive hook of a plain git host, which proved the pusher. */
export function readGitEvent(name: string, body: unknown): HookEvent {
  if (name === 'ping') return { kind: 'ping' };
  if (name !== 'push') return ignoredEvent(name);
  const read = pushBody.safeParse(body);
  if (!read.success) return malformed(read.error);
  const login = read.data.pusher?.name ?? '';
  return toPushEvent(read.data, login === '' || login === 'anonymous' ? null : login);
}
