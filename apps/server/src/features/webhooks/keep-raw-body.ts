import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';

const PATH = '/hooks/';
const contentTypes = new WeakMap<IncomingMessage, string | undefined>();

/**
 * Hands bodies below `/hooks/` through as bytes, whatever they claim to be: a parser must not touch what nobody has signed
 * (A03), and a stranger must not have it work on 25 MB. Relies on the server's parser for `application/octet-stream`.
 */
export function keepRawBodies(fastify: FastifyInstance): void {
  fastify.addHook('onRequest', (request, _reply, done) => {
    if (request.url.startsWith(PATH)) {
      contentTypes.set(request.raw, request.headers['content-type']);
      request.headers['content-type'] = 'application/octet-stream';
    }
    done();
  });
}

/** The content type as it was sent. */
export function sentContentType(request: IncomingMessage): string | undefined {
  return contentTypes.has(request) ? contentTypes.get(request) : request.headers['content-type'];
}
