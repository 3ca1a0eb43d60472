import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { readGithubEvent } from './read-github-event.ts';

// Payloads that GitHub really sent, as Octokit keeps them; our own fixtures are shaped after them.
interface RecordedEvent {
  readonly name: string;
  readonly examples: readonly Record<string, unknown>[];
}
const examplesOf = (origin: string): RecordedEvent[] =>
  JSON.parse(
    readFileSync(createRequire(import.meta.url).resolve(`@octokit/webhooks-examples/${origin}/index.json`), 'utf8'),
  ) as RecordedEvent[];

describe.each(['api.github.com', 'ghes-31', 'ghes-35'])('payloads recorded from %s', (origin) => {
  const events = examplesOf(origin);
  const recorded = events.flatMap(({ name, examples }) => examples.map((body) => ({ name, body })));

  it('are all understood: none is called malformed', () => {
    expect(recorded.length).toBeGreaterThan(20);
    const refused = recorded
      .map(({ name, body }) => ({ name, event: readGithubEvent(name, body) }))
      .filter(({ event }) => event.kind === 'malformed');
    expect(refused).toEqual([]);
  });

  it('give what a push says: ref, commits before and after, and who pushed', () => {
    const pushes = recorded.filter(({ name }) => name === 'push');
    expect(pushes.length).toBeGreaterThan(0);
    for (const { body } of pushes) {
      const event = readGithubEvent('push', body);
      const ref = String(body['ref']);
      if (!ref.startsWith('refs/heads/')) {
        expect(event.kind).toBe('ignored');
        continue;
      }
      const none = (id: unknown) => (/^0+$/.test(String(id)) ? null : id);
      expect(event).toMatchObject({
        kind: 'push',
        push: {
          ref,
          before: none(body['before']),
          after: none(body['after']),
          pusher: (body['sender'] as { login: string }).login,
        },
      });
    }
  });

  it('start nothing when they are neither push nor ping', () => {
    for (const { name, body } of recorded)
      if (name !== 'push' && name !== 'ping') expect(readGithubEvent(name, body)).toMatchObject({ kind: 'ignored' });
  });
});
