import { createConnection, type AddressInfo } from 'node:net';
import type { Server } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testApp, type TestApp, type TestPerson } from './testing/test-app.ts';

let server: TestApp;
let admin: TestPerson;
beforeAll(async () => {
  server = await testApp();
  await server.app.listen(0, '127.0.0.1');
  admin = await server.setUp();
});
afterAll(() => server.close());

interface RawAnswer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string;
}

/** Sends exactly these bytes and reads the first answer; the connection is closed by whoever is done first. */
async function raw(text: string): Promise<RawAnswer> {
  const { port } = server.app.getHttpServer().address() as AddressInfo;
  return new Promise((resolve, reject) => {
    const socket = createConnection(port, '127.0.0.1', () => socket.write(text));
    let got = '';
    const look = (over: boolean) => {
      const [head = '', body] = got.split('\r\n\r\n');
      if (body === undefined) return over ? reject(new Error(`cut answer: ${got}`)) : undefined;
      const [first = '', ...lines] = head.split('\r\n');
      const headers = Object.fromEntries(
        lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)]),
      );
      if (!over && Buffer.byteLength(body) < Number(headers['content-length'] ?? 0)) return undefined;
      socket.destroy();
      resolve({ status: Number(first.split(' ')[1]), headers, body });
    };
    socket.on('data', (bytes) => {
      got += bytes.toString();
      look(false);
    });
    socket.on('close', () => look(true)).on('error', () => look(true));
  });
}

function expectProblem(answer: RawAnswer, status: number, code: string): void {
  expect(answer.status).toBe(status);
  expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
  expect(answer.headers['x-content-type-options']).toBe('nosniff');
  const body = JSON.parse(answer.body) as { error: Record<string, string> };
  expect(body).toEqual({
    error: { code, message: expect.stringMatching(/^[A-Z].*\.$/), requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) },
  });
  expect(answer.headers['x-request-id']).toBe(body.error['requestId']);
  expect(answer.body).not.toMatch(/node_modules|\.ts:|HPE_|FST_/);
}

const post = (body: string, headers = 'Content-Type: application/json') =>
  `POST /api/v1/session HTTP/1.1\r\nHost: x\r\n${headers}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

describe('section 4: what the parser refuses has the shape of every other error', () => {
  it.each<[string, number, string, string]>([
    [
      'a header that is too large',
      431,
      'headers-too-large',
      `GET / HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`,
    ],
    ['an address that is too long', 431, 'headers-too-large', `GET /${'a'.repeat(20_000)} HTTP/1.1\r\nHost: x\r\n\r\n`],
    ['a line that is no request', 400, 'bad-request', 'hello\r\n\r\n'],
    ['another protocol', 400, 'bad-request', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
    ['a method nobody knows', 400, 'bad-request', 'BREW /pot HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['a version nobody speaks', 400, 'bad-request', 'GET / HTTP/9.9\r\nHost: x\r\n\r\n'],
    ['no Host', 400, 'bad-request', 'GET /healthz HTTP/1.1\r\n\r\n'],
    ['A80 two Hosts', 400, 'bad-request', 'GET /healthz HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n'],
    ['a header without a name', 400, 'bad-request', 'GET / HTTP/1.1\r\nHost: x\r\n: y\r\n\r\n'],
    ['a folded header', 400, 'bad-request', 'GET / HTTP/1.1\r\nHost: x\r\nA\r\n b\r\n\r\n'],
    [
      'A80 two lengths',
      400,
      'bad-request',
      'POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
    ],
    [
      'A80 length and chunks',
      400,
      'bad-request',
      'POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    [
      'A80 chunks that are none',
      400,
      'bad-request',
      'POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
    ],
    [
      'a body announced too large',
      413,
      'too-large',
      'POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99999999\r\n\r\n',
    ],
    [
      'a body in chunks that grows too large',
      413,
      'too-large',
      `POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n200000\r\n${'a'.repeat(0x200000)}\r\n0\r\n\r\n`,
    ],
    ['a media type we do not read', 415, 'unsupported-media-type', post('a=1', 'Content-Type: text/csv')],
    ['a media type that is none', 415, 'unsupported-media-type', post('{}', 'Content-Type: ;;;')],
    [
      'a compressed body',
      415,
      'content-encoding',
      post('x', 'Content-Type: application/json\r\nContent-Encoding: gzip'),
    ],
    ['an unknown address', 404, 'not-found', 'GET /api/v1/nothing HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['an unknown address for a write', 404, 'not-found', 'DELETE /nothing HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['a wrong method', 405, 'method-not-allowed', 'PATCH /api/v1/users HTTP/1.1\r\nHost: x\r\n\r\n'],
    [
      'a read of what is only written',
      405,
      'method-not-allowed',
      'GET /api/v1/runner/register HTTP/1.1\r\nHost: x\r\n\r\n',
    ],
    ['a method that is rare', 405, 'method-not-allowed', 'PROPFIND /api/v1/users HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['a tunnel', 405, 'method-not-allowed', 'CONNECT 169.254.169.254:80 HTTP/1.1\r\nHost: x\r\n\r\n'],
    [
      'an expectation',
      417,
      'expectation-failed',
      'POST /api/v1/session HTTP/1.1\r\nHost: x\r\nExpect: miracles\r\n\r\n',
    ],
    ['invalid JSON', 400, 'bad-json', post('{"a":')],
    ['an empty body that is said to be JSON', 400, 'bad-json', post('')],
    ['A09 a key twice', 400, 'bad-json', post('{"email":"a@b.c","email":"d@e.f"}')],
    ['A09 JSON that is too deep', 400, 'bad-json', post(`${'['.repeat(10_000)}${']'.repeat(10_000)}`)],
    ['A09 a byte order mark', 400, 'bad-json', post('\ufeff{}')],
    ['A09 __proto__', 400, 'bad-json', post('{"__proto__":{"systemAdmin":true}}')],
    ['a malformed address', 400, 'bad-request', 'GET /api/v1/%zz HTTP/1.1\r\nHost: x\r\n\r\n'],
    [
      'an upgrade to what is not spoken',
      401,
      'unauthorized',
      'GET /api/v1/live HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    ],
  ])('%s is %i %s', async (_what, status, code, text) => {
    expectProblem(await raw(text), status, code);
  });

  it('A09 a key twice is named', async () => {
    const { body } = await raw(post('{"email":"a@b.c","password":"x","password":"y"}'));
    expect(JSON.parse(body).error.message).toBe('The body holds the key "password" twice in one object; send it once.');
  });

  it('A09 a key twice changes nothing, however deep it lies', async () => {
    await server.call('POST', '/api/v1/teams', { as: admin, body: { slug: 'twice', title: 'Twice' } });
    const answer = await server.call('PUT', '/api/v1/teams/twice/environments/production', {
      as: admin,
      body: '{"order":1,"settings":{"gate":{"approvals":2,"approvals":0},"target":{"kind":"docker","engine":"unix:///x"}}}',
      headers: { 'content-type': 'application/json' },
    });
    expect(answer).toMatchObject({ status: 400, body: { error: { message: expect.stringContaining('"approvals"') } } });
    expect((await server.call('GET', '/api/v1/teams/twice/environments', { as: admin })).body).toEqual([]);
  });

  it('405 says what the address answers to', async () => {
    const { headers } = await raw('PATCH /api/v1/tokens HTTP/1.1\r\nHost: x\r\n\r\n');
    expect(headers['allow']).toBe('GET, HEAD, POST');
  });

  it.each([
    ['A12 a header that never ends', 'GET / HTTP/1.1\r\nHo'],
    [
      'A12 a body that never ends',
      'POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{',
    ],
  ])('%s is 408 timeout', async (_what, text) => {
    const listening = server.app.getHttpServer() as Server;
    const { headersTimeout, requestTimeout } = listening;
    Object.assign(listening, { headersTimeout: 100, requestTimeout: 100 });
    try {
      expectProblem(await raw(text), 408, 'timeout');
    } finally {
      Object.assign(listening, { headersTimeout, requestTimeout });
    }
  });

  it('a request of HTTP/1.0 needs no Host', async () => {
    expect((await raw('GET /healthz HTTP/1.0\r\n\r\n')).status).toBe(200);
  });

  it('no second answer is put behind one that is under way', async () => {
    const text = 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nrubbish\r\n\r\n';
    const { status, body } = await raw(text);
    expect(status).toBe(200);
    expect(body.startsWith('{"status":"alive"}')).toBe(true);
  });
});
