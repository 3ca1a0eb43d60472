import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { existsSync, readFileSync } from 'node:fs';
import { extname, join, normalize } from 'node:path';
import { contract, liveEvent, type LiveEvent } from '@sluice/protocol';
import { isContractProcedure, type AnySchema } from '@orpc/contract';
import { answersOf, Refusal, type Session } from './fixtures/answers.ts';
import { suiteLine } from './fixtures/log-text.ts';
import { summaryOf, World } from './fixtures/world.ts';

/**
 * Development only: the API with an example installation in memory, for working on the UI and for its browser tests.
 * Every answer passes the contract's output schema, so the examples can't drift from the real API.
 */
export interface FixtureServer {
  readonly url: string;
  readonly world: World;
  readonly session: Session;
  /** Tells the live streams that something changed. */
  changed(...topics: string[]): void;
  /** Adds lines to a log as a runner would. */
  appendLog(attemptId: string, text: string): void;
  /** Cuts every live stream, and refuses new ones while `down`. */
  cutStreams(down: boolean): void;
  stop(): Promise<void>;
}

interface Route {
  name: string;
  method: string;
  pattern: RegExp;
  params: string[];
  input: AnySchema | undefined;
  output: AnySchema | undefined;
}

/** The policy of the real server: what the UI can't do under it, it can't do here either. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; " +
  "frame-ancestors 'none'; base-uri 'none'; form-action 'self'; require-trusted-types-for 'script'; trusted-types 'none'";
const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.woff2': 'font/woff2',
  '.svg': 'image/svg+xml',
};

export async function startFixtureServer(options: {
  dist: string;
  port?: number;
  empty?: boolean;
  signedIn?: boolean;
  simulate?: boolean;
}): Promise<FixtureServer> {
  const world = new World(Date.now(), { empty: options.empty ?? false });
  const session: Session = { signedIn: options.signedIn ?? true };
  const routes = routesOf(contract, []);
  const streams = new Set<{ response: ServerResponse; topics: Set<string> }>();
  let eventId = 0;
  let streamsDown = false;

  const send = (event: LiveEvent, topic: string): void => {
    eventId += 1;
    const text = `id: ${eventId}\ndata: ${JSON.stringify(liveEvent.parse(event))}\n\n`;
    for (const stream of streams) if (stream.topics.has(topic)) stream.response.write(text);
  };
  const changed = (...topics: string[]): void => {
    for (const topic of topics) send({ type: 'changed', topic }, topic);
  };
  const answers = answersOf(world, session, changed);
  const appendLog = (attemptId: string, text: string): void => {
    const log = world.logs.get(attemptId);
    if (log === undefined) throw new Error(`There is no log of attempt ${attemptId}.`);
    log.bytes = Buffer.concat([log.bytes, Buffer.from(text)]);
    send({ type: 'log', topic: `log:${attemptId}`, length: log.bytes.length, sealed: log.sealed }, `log:${attemptId}`);
  };

  const server = createServer((request, response) => {
    void handle(request, response).catch((error: unknown) => {
      const refusal =
        error instanceof Refusal
          ? error
          : new Refusal(500, 'internal', error instanceof Error ? error.message : String(error));
      if (refusal.status === 500) process.stderr.write(`${request.method} ${request.url} ${String(error)}\n`);
      const declared = refusal.status === 409 || refusal.status === 403;
      const body = declared
        ? {
            defined: true,
            code: refusal.status === 409 ? 'CONFLICT' : 'FORBIDDEN',
            status: refusal.status,
            message: refusal.message,
            data: { code: refusal.code },
          }
        : { error: { code: refusal.code, message: refusal.message, requestId: 'fixture' } };
      json(response, refusal.status, body);
    });
  });

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://fixture');
    if (!url.pathname.startsWith('/api/v1')) return serveFile(options.dist, url.pathname, response);
    const path = url.pathname.slice('/api/v1'.length);
    if (path === '/live') return openStream(url, request, response);
    const log = /^\/attempts\/([^/]+)\/log$/.exec(path);
    if (log !== null) return serveLog(world, log[1] ?? '', request, response);
    const body = await bodyOf(request);
    for (const route of routes) {
      const match = route.method === request.method ? route.pattern.exec(path) : null;
      if (match === null) continue;
      if (
        request.method !== 'GET' &&
        session.signedIn &&
        !path.startsWith('/session') &&
        path !== '/setup' &&
        path !== '/password-reset' &&
        request.headers['x-sluice-csrf'] !== 'fixture-csrf'
      ) {
        throw new Refusal(403, 'csrf', 'This write did not carry the request token.');
      }
      if (
        !session.signedIn &&
        !['identity.me', 'identity.signIn', 'identity.setup', 'identity.setupState', 'identity.resetPassword'].includes(
          route.name,
        )
      )
        throw new Refusal(401, 'UNAUTHORIZED', 'Sign in first.');
      const params = Object.fromEntries(
        route.params.map((name, index) => [name, decodeURIComponent(match[index + 1] ?? '')]),
      );
      const input = await checked(route.input, { ...Object.fromEntries(url.searchParams), ...body, ...params }, 400);
      const answer = answers[route.name];
      if (answer === undefined) throw new Refusal(404, 'NOT_FOUND', `The fixture server has no ${route.name}.`);
      return json(response, 200, await checked(route.output, answer(input as never), 500));
    }
    throw new Refusal(404, 'NOT_FOUND', `No route ${request.method} ${path}.`);
  }

  function openStream(url: URL, request: IncomingMessage, response: ServerResponse): void {
    if (streamsDown)
      return json(response, 503, {
        error: { code: 'down', message: 'The live stream is down.', requestId: 'fixture' },
      });
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    response.write(': open\n\n');
    const stream = { response, topics: new Set((url.searchParams.get('topics') ?? '').split(',')) };
    streams.add(stream);
    // Nothing is kept to resume from.
    if (request.headers['last-event-id'] !== undefined)
      response.write(`data: ${JSON.stringify({ type: 'resync' })}\n\n`);
    request.on('close', () => streams.delete(stream));
  }

  const beat = setInterval(() => {
    for (const { response } of streams) response.write(': beat\n\n');
  }, 15_000);
  const simulation = options.simulate === true ? simulate(world, appendLog, changed) : undefined;
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    world,
    session,
    changed,
    appendLog,
    cutStreams(down) {
      streamsDown = down;
      for (const { response } of streams) response.destroy();
      streams.clear();
    },
    async stop() {
      clearInterval(beat);
      clearInterval(simulation);
      await close(server);
    },
  };
}

function routesOf(router: unknown, path: string[]): Route[] {
  if (isContractProcedure(router)) {
    const { route, inputSchema, outputSchema } = router['~orpc'];
    const params: string[] = [];
    const source = (route.path ?? '').replace(/\{(\w+)\}/g, (_, name: string) => {
      params.push(name);
      return '([^/]+)';
    });
    return [
      {
        name: path.join('.'),
        method: route.method ?? 'POST',
        pattern: new RegExp(`^${source}$`),
        params,
        input: inputSchema,
        output: outputSchema,
      },
    ];
  }
  return Object.entries(router as Record<string, unknown>).flatMap(([name, value]) => routesOf(value, [...path, name]));
}

async function checked(schema: AnySchema | undefined, value: unknown, status: number): Promise<unknown> {
  if (schema === undefined) return value;
  const result = await schema['~standard'].validate(value);
  if (result.issues === undefined) return result.value;
  throw new Refusal(
    status,
    'bad-shape',
    result.issues
      .map(
        (issue) =>
          `${issue.path?.map((part) => (typeof part === 'object' ? part.key : part)).join('.')}: ${issue.message}`,
      )
      .join('; '),
  );
}

function serveLog(world: World, attemptId: string, request: IncomingMessage, response: ServerResponse): void {
  const log = world.logs.get(attemptId);
  if (log === undefined) throw new Refusal(404, 'NOT_FOUND', 'This log does not exist, or you may not see it.');
  const total = log.bytes.length;
  const sealed = { 'x-sluice-log-sealed': String(log.sealed), 'cache-control': 'no-store' };
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
  if (range === null)
    return void response.writeHead(200, { ...sealed, 'content-type': 'text/plain; charset=utf-8' }).end(log.bytes);
  const from = Number(range[1]);
  if (from >= total) return void response.writeHead(416, { ...sealed, 'content-range': `bytes */${total}` }).end();
  const to = Math.min(range[2] === '' ? total - 1 : Number(range[2]), total - 1);
  response.writeHead(206, {
    ...sealed,
    'content-type': 'application/octet-stream',
    'content-range': `bytes ${from}-${to}/${total}`,
  });
  response.end(log.bytes.subarray(from, to + 1));
}

function serveFile(dist: string, path: string, response: ServerResponse): void {
  const file = join(dist, normalize(path));
  const found = extname(path) !== '' && file.startsWith(dist) && existsSync(file) ? file : join(dist, 'index.html');
  if (!existsSync(found))
    return json(response, 404, {
      error: { code: 'no-build', message: `No ${found}: run npm run build first.`, requestId: 'fixture' },
    });
  response.writeHead(200, {
    'content-type': TYPES[extname(found)] ?? 'application/octet-stream',
    'content-security-policy': POLICY,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'strict-origin',
  });
  response.end(readFileSync(found));
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify(body));
}

async function bodyOf(request: IncomingMessage): Promise<Record<string, unknown>> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return parts.length === 0 ? {} : (JSON.parse(Buffer.concat(parts).toString()) as Record<string, unknown>);
}

/** A log that grows and a board that moves, for looking at it by hand. */
function simulate(
  world: World,
  appendLog: FixtureServer['appendLog'],
  changed: FixtureServer['changed'],
): ReturnType<typeof setInterval> {
  const run = world.runs.get('catalog/1287');
  const attempt = run?.jobs.find((job) => job.key === 'integration')?.attempts[0];
  let n = 540;
  return setInterval(() => {
    if (run === undefined || attempt === undefined || world.logs.get(attempt.id)?.sealed !== false) return;
    n += 1;
    appendLog(attempt.id, `${suiteLine(n)}\n`);
    if (n % 5 === 0 && run.tests !== null) {
      run.tests.passed += 5;
      const board = world.services.get('catalog');
      if (board !== undefined) board.latest = summaryOf(run);
      changed(`run:${run.id}`, 'board');
    }
  }, 700);
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

if (process.argv[1] === import.meta.filename) {
  const started = await startFixtureServer({
    dist: join(import.meta.dirname, '..', process.env['SLUICE_WEB_DIST'] ?? 'dist'),
    port: Number(process.env['PORT'] ?? 4000),
    simulate: process.env['STILL'] === undefined,
    empty: process.env['EMPTY'] !== undefined,
    signedIn: process.env['EMPTY'] === undefined,
  });
  process.stdout.write(`Example installation on ${started.url}\n`);
}
