import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { answerWithoutRequest, problemOfParser } from './answer-without-request.ts';
import { KnownAddresses } from './known-addresses.ts';
import { readStrictJson } from './read-strict-json.ts';
import { securityHeaders } from './security-headers.ts';
import { errorAnswer, errorBodyOf } from './error-answer.ts';
import { Problem, Stopping } from './problem.ts';
import { RequestsInFlight } from './requests-in-flight.ts';

const MIB = 1024 * 1024;
/** Largest body by the beginning of the path; everything else gets 1 MiB. */
const BODY_LIMITS: readonly (readonly [path: string, bytes: number])[] = [
  ['/hooks/', 25 * MIB],
  ['/api/v1/runner/attempts/:attemptId/log', 16 * MIB],
  ['/api/v1/runner/attempts/:attemptId/reports', 16 * MIB],
  ['/api/v1/runner/attempts/', 4 * MIB],
  ['/api/v1/runner/blobs/', 5 * MIB],
];
const HEADER_SECONDS = 10;
const REQUEST_SECONDS = 15;

/** Healthy as long as the process lives; ready says itself that it is not. */
const ANSWERED_TO_THE_END: readonly string[] = ['/healthz', '/readyz'];

/**
 * Fastify with the limits that hold for every route, whoever registers it. What `X-Forwarded-*` says about the client is
 * believed from `trustedProxies` alone (addresses and networks).
 */
export function createFastifyAdapter(
  publicUrl: string,
  inFlight: RequestsInFlight,
  trustedProxies: readonly string[] = [],
): FastifyAdapter {
  class RefusingAdapter extends FastifyAdapter {
    /** What Nest calls first of all when the application is closed. */
    override beforeClose(): void {
      super.beforeClose();
      inFlight.refuse();
    }
  }
  const adapter = new RefusingAdapter({
    logger: false,
    trustProxy: trustedProxies.length > 0 ? [...trustedProxies] : false,
    bodyLimit: MIB,
    requestTimeout: REQUEST_SECONDS * 1000,
    keepAliveTimeout: 72_000,
    forceCloseConnections: true,
    genReqId: () => randomUUID(),
    // A missing Host is refused below, in the shape of every other answer.
    http: { headersTimeout: HEADER_SECONDS * 1000, connectionsCheckingInterval: 1000, requireHostHeader: false },
    clientErrorHandler: (error, socket) => answerWithoutRequest(socket, problemOfParser(error)),
    routerOptions: {
      ignoreTrailingSlash: false,
      ignoreDuplicateSlashes: false,
      caseSensitive: true,
      maxParamLength: 500,
    },
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) => {
      const answer = errorAnswer(error);
      void reply.headers(securityHeaders(request.id, false));
      void reply.status(answer.status).send(errorBodyOf(answer, request.id));
    },
  });
  const instance = adapter.getInstance() as unknown as FastifyInstance;
  const overHttps = publicUrl.startsWith('https:');

  const known = new KnownAddresses();
  instance.addHook('onRoute', (route) => {
    known.add(route.url, [route.method].flat());
    const limit = BODY_LIMITS.find(([path]) => route.url.startsWith(path));
    if (limit) route.bodyLimit = limit[1];
  });
  instance.addHook('onRequest', (request, reply, done) => {
    inFlight.begin(reply.raw);
    void reply.headers(securityHeaders(request.id, overHttps));
    if (request.url.startsWith('/api/')) void reply.header('cache-control', 'no-store');
    done(
      refusedForStop(request, inFlight) ??
        refusedHost(request) ??
        refusedMethod(request, reply, known) ??
        refusedBody(request.headers, request.url) ??
        refusedQuery(request.method, request.url),
    );
  });
  // Nobody sends a second request where none is taken any more.
  instance.addHook('onSend', (_request, reply, _payload, done) => {
    if (inFlight.stopping.aborted) void reply.header('connection', 'close');
    done();
  });
  answerUnusualRequests(instance);
  adapter.useBodyParser('application/json', true, {}, (_request: unknown, body: Buffer, done: ParserDone) => {
    const read = readStrictJson(body);
    if (read.ok) done(null, read.value);
    else done(new Problem(400, 'bad-json', read.problem));
  });
  // A body that no route of ours reads, and that would come without its raw bytes.
  instance.removeContentTypeParser('text/plain');
  instance.addContentTypeParser('application/octet-stream', { parseAs: 'buffer' }, (_request, body, done) =>
    done(null, body),
  );
  return adapter;
}

type ParserDone = (error: Error | null, value?: unknown) => void;

function refusedForStop({ url }: FastifyRequest, inFlight: RequestsInFlight): Problem | undefined {
  return inFlight.stopping.aborted && !ANSWERED_TO_THE_END.includes(url) ? new Stopping() : undefined;
}

/** HTTP/1.1 asks for it, and a proxy that reads another one than we do can be led astray. */
function refusedHost({ raw }: FastifyRequest): Problem | undefined {
  const hosts = raw.rawHeaders.filter((text, at) => at % 2 === 0 && text.toLowerCase() === 'host').length;
  if (hosts > 1) return new Problem(400, 'bad-request', 'The request names more than one Host.');
  if (hosts === 1 || raw.httpVersion !== '1.1') return undefined;
  return new Problem(400, 'bad-request', 'The request names no Host.');
}

/** An address of ours that answers to other methods only. The pages' catch-all route reads any address. */
function refusedMethod(request: FastifyRequest, reply: FastifyReply, known: KnownAddresses): Problem | undefined {
  if (!request.is404 && request.routeOptions.url !== '/*') return undefined;
  const methods = known.methodsAt(request.url);
  if (methods.length === 0) return undefined;
  void reply.header('allow', methods.join(', '));
  return new Problem(
    405,
    'method-not-allowed',
    `This address does not answer to ${request.method}; it answers to ${methods.join(', ')}.`,
  );
}

/** What Node would answer by itself, without a body: tunnels and expectations. */
function answerUnusualRequests({ server }: FastifyInstance): void {
  server.on('connect', (_request: unknown, socket: Duplex) => {
    socket.on('error', () => undefined);
    answerWithoutRequest(socket, new Problem(405, 'method-not-allowed', 'This server opens no tunnels.'));
  });
  server.on('checkExpectation', (_request: unknown, response: ServerResponse) =>
    answerWithoutRequest(
      response.socket!,
      new Problem(417, 'expectation-failed', 'The only expectation understood is 100-continue; leave out Expect.'),
    ),
  );
}

/** Compressed bodies are refused (a bomb is small until it is opened); contract routes take JSON, byte routes octets (A08, A54). */
function refusedBody(headers: NodeJS.Dict<string | string[]>, url: string): Problem | undefined {
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    return new Problem(415, 'content-encoding', 'Send the body without content encoding.');
  }
  const type = headers['content-type'];
  if (url.startsWith('/api/') && typeof type === 'string' && !/^application\/(json|octet-stream)\s*(;|$)/i.test(type)) {
    return new Problem(415, 'unsupported-media-type', 'Send the body as application/json.');
  }
  return undefined;
}

/** The one write whose body is bytes, so that its fields stand in the address. */
const BYTES_WITH_QUERY = /^\/api\/v1\/runner\/attempts\/[^/?]+\/log\?/;

/** Contract routes read the fields of a write from its body alone: a scope named in the address would be lost in silence (A78). */
function refusedQuery(method: string, url: string): Problem | undefined {
  if (
    method === 'GET' ||
    method === 'HEAD' ||
    !url.startsWith('/api/v1/') ||
    !url.includes('?') ||
    BYTES_WITH_QUERY.test(url)
  )
    return undefined;
  return new Problem(
    400,
    'query-on-write',
    `A ${method} takes its fields in a JSON body; the query of the address means nothing to it.`,
  );
}
