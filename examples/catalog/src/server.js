import { createServer } from 'node:http';
import { search } from './search.js';

/** An HTTP server over these products; `commit` is what `/version` tells. */
export function catalogServer(products, commit) {
  const bySku = new Map(products.map((product) => [product.sku, product]));
  return createServer((request, response) => {
    const send = (status, body) => {
      response.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8' });
      response.end(JSON.stringify(body));
    };
    const url = new URL(request.url, 'http://catalog');
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return send(405, { message: 'This catalog is read only: use GET.' });
    if (url.pathname === '/healthz') return send(products.length > 0 ? 200 : 503, { products: products.length });
    if (url.pathname === '/version') return send(200, { service: 'catalog', commit });
    if (url.pathname === '/products') {
      const asked = readQuery(url.searchParams);
      return 'message' in asked ? send(400, asked) : send(200, search(products, asked));
    }
    const [, sku] = /^\/products\/([\w-]+)$/.exec(url.pathname) ?? [];
    const product = bySku.get(sku);
    return product === undefined ? send(404, { message: `There is nothing at ${url.pathname}.` }) : send(200, product);
  });
}

function readQuery(params) {
  const asked = {
    query: params.get('q') ?? '',
    ...(params.has('category') ? { category: params.get('category') } : {}),
  };
  if (asked.query.length > 200) return { message: 'q has more than 200 characters.' };
  for (const [name, key, max] of [
    ['offset', 'offset', 100_000],
    ['limit', 'limit', 100],
    ['max_price', 'maxPriceCents', 100_000_000],
  ]) {
    if (!params.has(name)) continue;
    const text = params.get(name);
    if (!/^\d{1,9}$/.test(text) || Number(text) > max)
      return { message: `${name} must be a whole number from 0 to ${max}.` };
    asked[key] = Number(text);
  }
  return asked;
}
