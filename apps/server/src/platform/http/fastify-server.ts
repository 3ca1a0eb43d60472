import { randomUUID } from 'node:crypto';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { setSecurityHeaders } from './security-headers.ts';
import { errorAnswer, errorBodyOf } from './error-answer.ts';
import { Problem } from './problem.ts';
import { RequestsInFlight } from './requests-in-flight.ts';

const MIB = 1024 * 1024;
/** Largest body by the beginning of the path; everything else gets 1 MiB. */
const BODY_LIMITS: readonly (readonly [path: string, bytes: number])[] = [
  ['/hooks/', 25 * MIB],
  ['/api/v1/runner/attempts/', 16 * MIB],
];
const HEADER_SECONDS = 10;
const REQUEST_SECONDS = 15;

/** Fastify with the limits that hold for every route, whoever registers it. */
export function createFastifyAdapter(publicUrl: string, inFlight: RequestsInFlight): FastifyAdapter {
  const adapter = new FastifyAdapter({
    logger: false,
    trustProxy: false,
    bodyLimit: MIB,
    requestTimeout: REQUEST_SECONDS * 1000,
    keepAliveTimeout: 72_000,
    forceCloseConnections: true,
    genReqId: () => randomUUID(),
    http: { headersTimeout: HEADER_SECONDS * 1000, connectionsCheckingInterval: 1000 },
    routerOptions: {
      ignoreTrailingSlash: false,
      ignoreDuplicateSlashes: false,
      caseSensitive: true,
      maxParamLength: 500,
    },
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) => {
      const answer = errorAnswer(error);
      setSecurityHeaders(reply, request.id, false);
      void reply.status(answer.status).send(errorBodyOf(answer, request.id));
    },
  });
  const instance = adapter.getInstance() as unknown as FastifyInstance;
  const overHttps = publicUrl.startsWith('https:');

  instance.addHook('onRoute', (route) => {
    const limit = BODY_LIMITS.find(([path]) => route.url.startsWith(path));
    if (limit) route.bodyLimit = limit[1];
  });
  instance.addHook('onRequest', (request, reply, done) => {
    inFlight.begin(reply.raw);
    setSecurityHeaders(reply, request.id, overHttps);
    if (request.url.startsWith('/api/')) void reply.header('cache-control', 'no-store');
    done(refusedBody(request.headers, request.url) ?? refusedQuery(request.method, request.url));
  });
  // A body that no route of ours reads, and that would come without its raw bytes.
  instance.removeContentTypeParser('text/plain');
  instance.addContentTypeParser('application/octet-stream', { parseAs: 'buffer' }, (_request, body, done) =>
    done(null, body),
  );
  return adapter;
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
