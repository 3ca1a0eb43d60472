import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';
import { notFound } from './problem.ts';
import { contentSecurityPolicy } from './security-headers.ts';

/** Paths that belong to programs: an unknown one is answered with JSON, never with the page. */
const NOT_PAGES = /^\/(api|hooks|healthz|readyz|metrics|assets)(\/|$)/i;
const NONCE_PLACE = '__CSP_NONCE__';

/** Serves the built web pages; every address that is a page of the router gets index.html. */
export async function serveWebPages(instance: FastifyInstance, folder: string): Promise<void> {
  const index = join(folder, 'index.html');
  const built = existsSync(index);
  if (built) {
    await instance.register(fastifyStatic, {
      root: folder,
      wildcard: false,
      index: false,
      setHeaders: (reply, path) =>
        void reply.header(
          'cache-control',
          path.includes('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache',
        ),
    });
  }
  const page = built ? readFileSync(index, 'utf8') : undefined;
  instance.get('/*', (request, reply) => {
    if (!isPagePath(request.url)) throw notFound(`The address ${request.url.split('?')[0]!.slice(0, 200)}`);
    if (page === undefined) {
      return reply
        .status(404)
        .type('text/plain; charset=utf-8')
        .send('The web pages are not built; run: npm run build\n');
    }
    const nonce = randomBytes(16).toString('base64');
    return reply
      .header('content-security-policy', contentSecurityPolicy(nonce))
      .header('cache-control', 'no-cache')
      .type('text/html; charset=utf-8')
      .send(page.replaceAll(NONCE_PLACE, nonce));
  });
}

/** Plain segments alone: no encoded slashes or dots, no parameters behind `;`, no doubled slashes, no file names (A58). */
function isPagePath(url: string): boolean {
  const path = url.split('?')[0]!;
  if (NOT_PAGES.test(path)) return false;
  if (/%2e|%2f|%5c|;|\\|\/\/|\/\.\.?(\/|$)|\/\.[^/]/i.test(path)) return false;
  return !/\.[A-Za-z0-9]{1,8}$/.test(path) || path === '/index.html';
}
