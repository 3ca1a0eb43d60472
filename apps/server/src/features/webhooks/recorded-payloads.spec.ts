import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readGithubEvent } from './read-github-event.ts';

// Payloads that GitHub really sent, as Octokit keeps them; our own fixtures are shaped after them.
interface RecordedEvent {
  readonly name: string;
  readonly examples: readonly Record<string, unknown>[];
}
const read = (address: string): RecordedEvent[] =>
  JSON.parse(readFileSync(fileURLToPath(address), 'utf8')) as RecordedEvent[];

describe.each([
  ['GitHub', import.meta.resolve('@octokit/webhooks-examples/api.github.com/index.json')],
  ['GitHub Enterprise 3.1', import.meta.resolve('@octokit/webhooks-examples/ghes-31/index.json')],
  ['GitHub Enterprise 3.5', import.meta.resolve('@octokit/webhooks-examples/ghes-35/index.json')],
])('payloads recorded from %s', (_origin, address) => {
  const events = read(address);
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
      const none = (id: unknown) => (/^0+$/.test(String(id)) ? null : id);
      const after = none(body['after']);
      if (ref.startsWith('refs/tags/') && after === null) {
        expect(event.kind).toBe('ignored');
        continue;
      }
      const pusher = (body['sender'] as { login: string }).login;
      expect(event).toMatchObject({ kind: 'told', deliveries: [{ ref, before: none(body['before']), after, pusher }] });
    }
  });

  it('give what a pull request says where its head moved or it ended, and nothing else', () => {
    const told = recorded.filter(({ name }) => name === 'pull_request');
    expect(told.length).toBeGreaterThan(0);
    for (const { body } of told) {
      const event = readGithubEvent('pull_request', body);
      const action = String(body['action']);
      if (!['opened', 'reopened', 'synchronize', 'closed'].includes(action)) {
        expect(event.kind).toBe('ignored');
        continue;
      }
      const { head } = body['pull_request'] as { head: { sha: string; ref: string } };
      const sender = body['sender'] as { id: number; login: string };
      expect(event).toMatchObject({
        kind: 'told',
        deliveries: [
          {
            kind: 'pull_request',
            ref: `refs/pull/${String(body['number'])}/head`,
            closed: action === 'closed',
            head: head.sha,
            source: head.ref,
            by: { id: String(sender.id), login: sender.login },
          },
        ],
      });
    }
  });

  it('start nothing when they are neither push, pull request nor ping', () => {
    const others = recorded.filter(({ name }) => !['push', 'pull_request', 'ping'].includes(name));
    const started = others.filter(({ name, body }) => readGithubEvent(name, body).kind !== 'ignored');
    expect(started).toEqual([]);
  });
});
