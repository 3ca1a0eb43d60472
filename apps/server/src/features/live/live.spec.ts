import { EventEmitter } from 'node:events';
import { request, type ClientRequest, type IncomingMessage } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '@sluice/testing';
import type { LiveEvent } from '@sluice/protocol';
import { json } from '../../platform/db/database.ts';
import { DatabaseNotifications } from '../../platform/db/database-notifications.ts';
import { Outbox } from '../../platform/outbox/outbox.ts';
import { testApp, type TestApp, type TestPerson } from '../../testing/test-app.ts';
import { LiveClient } from './live-client.ts';
import { LiveHub } from './live-hub.ts';
import { LiveNotifier } from './live-notifier.ts';
import { LookForMissed } from './look-for-missed.ts';

let server: TestApp;
let admin: TestPerson;
let stranger: TestPerson;
const run = randomUUID();
const service = randomUUID();
const streams = new Set<ClientRequest>();

interface Stream {
  readonly status: number;
  readonly events: { id: string | undefined; event: LiveEvent }[];
  readonly ended: () => boolean;
  text(): string;
}

async function open(as: TestPerson | undefined, topics: string, headers: Record<string, string> = {}): Promise<Stream> {
  const { port } = server.app.getHttpServer().address() as AddressInfo;
  return new Promise((resolve, reject) => {
    const asking = request(
      {
        host: '127.0.0.1',
        port,
        agent: false,
        path: `/api/v1/live?topics=${encodeURIComponent(topics)}`,
        headers: { ...(as ? { cookie: as.cookie } : {}), ...headers },
      },
      (answer: IncomingMessage) => {
        let text = '';
        let ended = false;
        const events: Stream['events'] = [];
        answer.setEncoding('utf8');
        answer.on('data', (part: string) => {
          text += part;
          events.length = 0;
          for (const block of text.split('\n\n').slice(0, -1)) {
            const data = /^data: (.*)$/m.exec(block)?.[1];
            if (data !== undefined)
              events.push({ id: /^id: (.*)$/m.exec(block)?.[1], event: JSON.parse(data) as LiveEvent });
          }
        });
        answer.on('close', () => (ended = true)).on('error', () => (ended = true));
        resolve({ status: answer.statusCode ?? 0, events, ended: () => ended, text: () => text });
      },
    );
    streams.add(asking);
    asking.on('error', reject).end();
  });
}

beforeAll(async () => {
  server = await testApp();
  admin = await server.setUp();
  await server.call('POST', '/api/v1/teams', { as: admin, body: { slug: 'shop', title: 'Shop' } });
  stranger = await server.person(admin, 'stranger@example.com');
  const { db } = server.database;
  const { id: team_id } = await db.selectFrom('teams').select('id').executeTakeFirstOrThrow();
  const repository_id = randomUUID();
  const service_id = service;
  await db
    .insertInto('repositories')
    .values({ id: repository_id, team_id, url: 'https://host/x', kind: 'git', default_branch: 'main' })
    .execute();
  await db.insertInto('services').values({ id: service_id, team_id, slug: 'catalog', repository_id }).execute();
  await db
    .insertInto('runs')
    .values({
      id: run,
      team_id,
      service_id,
      number: 1,
      status: 'passed',
      version: 1,
      ref: 'main',
      commit: 'a'.repeat(40),
      trust: 'trusted',
      definition: json({}),
      plan_hash: 'x',
      state: json({}),
      created_at: new Date(),
      finished_at: new Date(),
    })
    .execute();
  await server.app.listen(0, '127.0.0.1');
});
afterAll(async () => {
  for (const stream of streams) stream.destroy();
  await server.close();
});

async function until(check: () => void): Promise<void> {
  await eventually(() => {
    check();
    return true;
  });
}

const notifier = () => server.app.get(LiveNotifier);

describe('GET /api/v1/live', () => {
  it('tells what changed, from the outbox through the database to the reader', async () => {
    const stream = await open(admin, `board,run:${run}`);
    expect(stream.status).toBe(200);
    await until(() => expect(stream.text()).toContain(': open'));
    const outbox = server.app.get(Outbox);
    await server.database.transactions.run((unit) =>
      outbox.add(unit, 'changed', { topics: [`run:${run}`, 'lane:other'] }),
    );
    await until(() =>
      expect(stream.events).toContainEqual({ id: expect.any(String), event: { type: 'changed', topic: `run:${run}` } }),
    );
    expect(JSON.stringify(stream.events)).not.toContain('lane:other');
  });

  it('A81 is silent about topics of other teams, closed to strangers and to foreign pages', async () => {
    expect((await open(undefined, 'board')).status).toBe(401);
    expect((await open(admin, 'board', { origin: 'https://evil.example' })).status).toBe(403);
    for (const topics of [
      '',
      'nonsense',
      'run:../x',
      'board,',
      Array(201)
        .fill('board')
        .map((topic, n) => `${topic.slice(0, 0)}run:${n}`)
        .join(','),
    ]) {
      expect((await open(admin, topics)).status, topics.slice(0, 20)).toBe(400);
    }
    const stream = await open(stranger, `board,run:${run},service:catalog`);
    await notifier().changed([`run:${run}`, `service:${service}`, 'service:catalog']);
    await notifier().changed(['board']);
    await until(() => expect(stream.events).toHaveLength(1));
    expect(stream.events[0]!.event).toEqual({ type: 'changed', topic: 'board' });
  });

  it('tells of a service by the name that was asked for, though its changes are told by id', async () => {
    const stream = await open(admin, 'service:catalog');
    await notifier().changed([`service:${service}`]);
    await until(() =>
      expect(stream.events.map(({ event }) => event)).toEqual([{ type: 'changed', topic: 'service:catalog' }]),
    );
  });

  it('A81 holds a person to 50 streams, also when they are opened at once', async () => {
    const person = await server.person(admin, 'many@example.com');
    const opened = await Promise.all(Array.from({ length: 60 }, () => open(person, 'board')));
    expect(opened.filter(({ status }) => status === 200)).toHaveLength(50);
    expect(opened.filter(({ status }) => status === 429)).toHaveLength(10);
  });

  it('resumes after a short break and asks to read anew after a long one', async () => {
    const first = await open(admin, `run:${run}`);
    await notifier().changed([`run:${run}`]);
    await until(() => expect(first.events).toHaveLength(1));
    await notifier().changed([`run:${run}`]);
    const again = await open(admin, `run:${run}`, { 'last-event-id': first.events[0]!.id! });
    await until(() => expect(again.events.map(({ event }) => event.type)).toEqual(['changed']));
    const lost = await open(admin, `run:${run}`, { 'last-event-id': 'another-17' });
    await until(() => expect(lost.events.map(({ event }) => event)).toEqual([{ type: 'resync' }]));
  });

  it('tells readers to read anew when the listening connection was lost', async () => {
    const stream = await open(admin, 'board');
    await server.database.db.executeQuery(
      (await import('kysely'))
        .sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'sluice-listen' and datname = current_database()`.compile(
        server.database.db,
      ),
    );
    await until(() => expect(stream.events).toContainEqual({ id: expect.any(String), event: { type: 'resync' } }));
    await notifier().changed(['board']);
    await until(() => expect(stream.events.at(-1)?.event).toEqual({ type: 'changed', topic: 'board' }));
  });

  it('finds by looking what a lost hint would have told', async () => {
    const stream = await open(admin, `run:${run}`);
    const look = server.app.get(LookForMissed);
    await look.look();
    await server.database.db.updateTable('runs').set({ version: 7 }).where('id', '=', run).execute();
    await look.look();
    await until(() =>
      expect(stream.events.at(-1)?.event).toEqual({ type: 'changed', topic: `run:${run}`, version: 7 }),
    );
  });
});

describe('LiveNotifier', () => {
  /** Keeps what would be sent. */
  class Sent extends DatabaseNotifications {
    readonly payloads: string[] = [];
    override listen = () => Promise.resolve();
    override onReconnect = () => undefined;
    override notify = async (_channel: string, payload: string) => void this.payloads.push(payload);
    override close = () => Promise.resolve();
  }

  it('sends the first note at once and many more as one, ids only', async () => {
    const sent = new Sent();
    const live = new LiveNotifier(sent);
    await live.changed(['board']);
    expect(sent.payloads).toEqual(['[["c","board"]]']);
    await Promise.all(
      Array.from({ length: 100 }, (_, n) =>
        Promise.all([live.changed(['board', 'run:1']), live.log('a', n, n === 50)]),
      ),
    );
    expect(sent.payloads).toHaveLength(2);
    expect(JSON.parse(sent.payloads[1]!)).toEqual([
      ['c', 'board'],
      ['c', 'run:1'],
      ['l', 'log:a', 99, 1],
    ]);
  });

  it('never writes more into one notification than the database takes', async () => {
    const sent = new Sent();
    const live = new LiveNotifier(sent);
    await live.changed(Array.from({ length: 1000 }, () => `run:${randomUUID()}`));
    expect(Math.max(...sent.payloads.map((payload) => Buffer.byteLength(payload)))).toBeLessThan(8000);
    expect(sent.payloads.flatMap((payload) => JSON.parse(payload) as unknown[])).toHaveLength(1000);
  });

  it('tells the outbox when a note could not be sent', async () => {
    const sent = new Sent();
    sent.notify = () => Promise.reject(new Error('away'));
    await expect(new LiveNotifier(sent).changed(['board'])).rejects.toThrow('away');
  });
});

describe('F48 a reader that stalls', () => {
  it('holds no more than the buffer, and reads anew when it comes back', () => {
    const written: string[] = [];
    let length = 0;
    const response = Object.assign(new EventEmitter(), {
      write: (text: string) => ((length += text.length), written.push(text)),
      end: () => undefined,
    }) as unknown as ServerResponse;
    Object.defineProperty(response, 'writableLength', { get: () => length });
    const client = new LiveClient(response, new Map([['board', 'board']]));
    const hub = new LiveHub();
    hub.add(client, undefined);
    for (let n = 0; n < 100_000; n += 1) hub.publish({ type: 'changed', topic: 'board' });
    expect(length).toBeLessThan(1024 * 1024 + 200);
    const before = written.length;
    client.beat();
    expect(written).toHaveLength(before);
    length = 0;
    response.emit('drain');
    expect(written.at(-1)).toContain('resync');
    hub.publish({ type: 'changed', topic: 'board' });
    expect(written.at(-1)).toContain('changed');
  });
});

it('A81 ends the stream of a person who signed out when rights are looked at again', async () => {
  const { LiveController } = await import('./live.controller.ts');
  const person = await server.person(admin, 'leaves@example.com');
  const stream = await open(person, 'board');
  await server.call('DELETE', '/api/v1/session', { as: person });
  const hub = server.app.get(LiveHub);
  const client = [...hub.clients].at(-1)!;
  await server.app.get(LiveController).lookAtRights(client, { headers: { cookie: person.cookie } }, ['board']);
  await until(() => expect(stream.ended()).toBe(true));
});
