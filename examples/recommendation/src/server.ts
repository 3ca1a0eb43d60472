import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import { recommend } from './ranking.ts';
import type { Order } from './ranking.ts';
import { InvalidOrder, readOrder } from './read-order.ts';

const LONGEST_BODY = 20_000;

interface Reply {
  readonly status: number;
  readonly body: object;
}

/** An HTTP server that starts with these orders and takes more; `commit` is what `/version` tells. */
export function recommendationServer(
  initial: readonly Order[],
  commit: string,
  now: () => Date = () => new Date(),
): Server {
  const orders = new Map(initial.map((order) => [order.id, order]));
  const answer = async (request: IncomingMessage): Promise<Reply> => {
    const url = new URL(request.url ?? '/', 'http://recommendation');
    if (url.pathname === '/orders')
      return request.method === 'POST' ? take(await readJson(request)) : say(405, 'Use POST.');
    if (request.method !== 'GET') return say(405, 'Use GET.');
    if (url.pathname === '/healthz') return { status: 200, body: { orders: orders.size } };
    if (url.pathname === '/version') return { status: 200, body: { service: 'recommendation', commit } };
    const sku = /^\/recommendations\/([\w-]{1,64})$/.exec(url.pathname)?.[1];
    if (sku === undefined) return say(404, 'There is nothing here.');
    const limit = url.searchParams.get('limit') ?? '5';
    if (!/^\d{1,2}$/.test(limit) || limit === '0') return say(400, 'limit must be a whole number from 1 to 99.');
    return { status: 200, body: { sku, items: recommend(orders.values(), sku, now(), { limit: Number(limit) }) } };
  };
  const take = (value: unknown): Reply => {
    const order = readOrder(value, now());
    // The same order told twice counts once: senders may repeat what they are not sure has arrived.
    const known = orders.has(order.id);
    if (!known) orders.set(order.id, order);
    return { status: known ? 200 : 201, body: { id: order.id, skus: order.skus.length } };
  };
  return createServer((request, response) => {
    answer(request)
      .catch((error: unknown) => {
        if (error instanceof InvalidOrder) return say(400, error.message);
        console.error(error);
        return say(500, 'Something is wrong on our side.');
      })
      .then(({ status, body }) =>
        response.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8' }).end(JSON.stringify(body)),
      );
  });
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const chunk of request) {
    // Read on to the end even then, so that the sender gets to see the answer.
    if (text.length <= LONGEST_BODY) text += String(chunk);
  }
  if (text.length > LONGEST_BODY) throw new InvalidOrder(`An order has at most ${LONGEST_BODY} characters.`);
  try {
    return JSON.parse(text);
  } catch {
    throw new InvalidOrder('The body is not JSON.');
  }
}

function say(status: number, message: string): Reply {
  return { status, body: { message } };
}
