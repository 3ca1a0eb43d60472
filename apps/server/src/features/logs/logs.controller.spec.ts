import { Readable } from 'node:stream';
import { describe, expect, it, afterAll, beforeAll } from 'vitest';
import Fastify, { type FastifyInstance } from 'fastify';
import type { AddressInfo } from 'node:net';
import { testDatabase, type TestDatabase } from '../../platform/db/testing/test-database.ts';
import type { SluiceRequest } from '../../platform/http/access.ts';
import { errorAnswer, errorBodyOf } from '../../platform/http/error-answer.ts';
import type { UserPrincipal } from '../../platform/http/principal.ts';
import { LogSettings } from './log-settings.ts';
import { LogsController } from './logs.controller.ts';
import { SearchTurns } from './search-turns.ts';
import { leasedAttempt, LogBench } from './testing/log-bench.ts';
import { MemoryBlobs } from '../../testing/memory-blobs.ts';

let database: TestDatabase;
let bench: LogBench;
let server: FastifyInstance;
let origin: string;
const blobs = new MemoryBlobs();
let person: UserPrincipal;

beforeAll(async () => {
  database = await testDatabase();
  bench = new LogBench(database, new LogSettings({ segmentBytes: 1_000 }), blobs);
  const controller = new LogsController(database.db, bench.reader, bench.lines, bench.search, new SearchTurns());
  server = Fastify();
  server.setErrorHandler((error, request, reply) => {
    const answer = errorAnswer(error);
    void reply.status(answer.status).send(errorBodyOf(answer, request.id));
  });
  server.get('/log/:id', (request, reply) =>
    controller.read((request.params as { id: string }).id, person, request as unknown as SluiceRequest, reply as never),
  );
  server.get('/log/:id/lines', (request, reply) =>
    controller.readLines((request.params as { id: string }).id, person, request.query, reply as never),
  );
  server.get('/log/:id/search', (request, reply) =>
    controller.search((request.params as { id: string }).id, person, request.query, reply as never),
  );
  await server.listen({ port: 0, host: '127.0.0.1' });
  origin = `http://127.0.0.1:${(server.server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  await server.close();
  await database.close();
});

const member = (teamId: string): UserPrincipal => ({
  kind: 'user',
  userId: teamId,
  name: 'Ann',
  email: 'a@example.com',
  systemAdmin: false,
  memberships: [{ teamId, team: 't', title: 'T', role: 'viewer' }],
  via: 'session',
  scopes: [],
});
async function logOf(bytes: Buffer): Promise<string> {
  const holder = await leasedAttempt(database);
  for (let at = 0; at < bytes.length; at += 333) await bench.append.append(holder, at, bytes.subarray(at, at + 333));
  const { team_id: team } = await database.db
    .selectFrom('attempts')
    .select('team_id')
    .where('id', '=', holder.attemptId)
    .executeTakeFirstOrThrow();
  person = member(team);
  return holder.attemptId;
}
const get = (id: string, range?: string) => fetch(`${origin}/log/${id}`, range ? { headers: { range } } : {});
const WHOLE = Buffer.from(Array.from({ length: 5_000 }, (_, index) => index % 251));

describe('log for people', () => {
  it('gives the whole log without a range, byte by byte as stored, over segments and chunks', async () => {
    const id = await logOf(WHOLE);
    expect(blobs.stored.size).toBeGreaterThan(1);
    const answer = await get(id);
    expect(answer.status).toBe(200);
    expect(Buffer.from(await answer.arrayBuffer())).toEqual(WHOLE);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-length': '5000',
      'accept-ranges': 'bytes',
      'x-sluice-log-sealed': 'false',
      'x-content-type-options': 'nosniff',
    });
  });

  it.each([
    ['bytes=0-9', 0, 10],
    ['bytes=990-1010', 990, 1_011],
    ['bytes=4990-', 4_990, 5_000],
    ['bytes=-7', 4_993, 5_000],
    ['bytes=4000-99999', 4_000, 5_000],
  ])('gives %s as 206', async (range, from, to) => {
    const answer = await get(await logOf(WHOLE), range);
    expect(answer.status).toBe(206);
    expect(answer.headers.get('content-range')).toBe(`bytes ${from}-${to - 1}/5000`);
    expect(Buffer.from(await answer.arrayBuffer())).toEqual(WHOLE.subarray(from, to));
  });

  it('answers 416 with the total for a range past the end', async () => {
    const answer = await get(await logOf(WHOLE), 'bytes=5000-');
    expect(answer.status).toBe(416);
    expect(answer.headers.get('content-range')).toBe('bytes */5000');
    expect(await answer.json()).toMatchObject({ length: 5_000, error: { code: 'range' } });
  });

  it('gives an empty log as such', async () => {
    const answer = await get(await logOf(Buffer.alloc(0)));
    expect([answer.status, await answer.text()]).toEqual([200, '']);
  });

  it('does not exist for another team, nor under a made-up id', async () => {
    const id = await logOf(WHOLE);
    person = member((await leasedAttempt(database)).poolId);
    expect((await get(id)).status).toBe(404);
    for (const bad of ['00000000-0000-7000-8000-000000000000', 'x', '..%2f..'])
      expect((await get(bad)).status).toBe(404);
  });

  it('F48 a reader that stops reading holds up no more than a little of the log in memory', async () => {
    const id = await logOf(WHOLE);
    let asked = 0;
    const counted = (async function* () {
      for await (const bytes of bench.reader.read(id, 0, 5_000)) {
        asked += bytes.length;
        yield bytes;
      }
    })();
    const stream = Readable.from(counted, { objectMode: false, highWaterMark: 100 });
    stream.read(1);
    await new Promise((resolve) => stream.once('readable', resolve));
    expect(asked).toBeLessThan(5_000);
    stream.destroy();
  });
});

describe('lines and search for people', () => {
  const TEXT = Buffer.from(Array.from({ length: 300 }, (_, index) => `line ${index + 1}\n`).join(''));
  const ask = (id: string, path: string) => fetch(`${origin}/log/${id}/${path}`);

  it('gives lines n to m, with where they lie', async () => {
    const answer = await ask(await logOf(TEXT), 'lines?from=250&count=3');
    expect(answer.status).toBe(200);
    expect(await answer.text()).toBe('line 250\nline 251\nline 252\n');
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'x-sluice-log-lines': '300',
      'x-sluice-log-offset': String(TEXT.indexOf('line 250')),
      'x-sluice-log-length': String(TEXT.length),
      'x-sluice-log-sealed': 'false',
      'content-security-policy': "sandbox; default-src 'none'",
    });
  });

  it('answers 416 with the number of lines past the end', async () => {
    const answer = await ask(await logOf(TEXT), 'lines?from=301');
    expect(answer.status).toBe(416);
    expect(await answer.json()).toMatchObject({ lines: 300, error: { code: 'range' } });
  });

  it('finds text with line and offset', async () => {
    const answer = await ask(await logOf(TEXT), `search?q=${encodeURIComponent('LINE 29')}&limit=2`);
    expect(await answer.json()).toEqual({
      hits: [
        { line: 29, offset: TEXT.indexOf('line 29') },
        { line: 290, offset: TEXT.indexOf('line 290') },
      ],
      next: TEXT.indexOf('line 290') + 7,
      length: TEXT.length,
      sealed: false,
    });
  });

  it.each([
    'lines',
    'lines?from=0',
    'lines?from=1&count=10001',
    'lines?from=1e3',
    'search',
    'search?q=',
    'search?q=a%0Ab',
    'search?q=a&q=b',
    'search?q=a&limit=0',
    'search?q=a&case=maybe',
    `search?q=${'x'.repeat(201)}`,
  ])('refuses %s with the remedy', async (path) => {
    const answer = await ask(await logOf(TEXT), path);
    expect(answer.status).toBe(400);
    expect(((await answer.json()) as { error: { message: string } }).error.message).toMatch(/Ask for (from|q)=/);
  });

  it('does not exist for another team', async () => {
    const id = await logOf(TEXT);
    person = member((await leasedAttempt(database)).poolId);
    expect((await ask(id, 'lines?from=1')).status).toBe(404);
    expect((await ask(id, 'search?q=line')).status).toBe(404);
  });
});
