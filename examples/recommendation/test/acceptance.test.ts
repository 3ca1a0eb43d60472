// Runs against the built image; URL names it.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';

const url = process.env['URL'] ?? 'http://127.0.0.1:8080';
interface Answer {
  service: string;
  commit: string;
  message: string;
  items: { sku: string }[];
}
const call = async (path: string, body?: object) => {
  const answer = await fetch(url + path, {
    signal: AbortSignal.timeout(5_000),
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
  });
  return { status: answer.status, body: (await answer.json()) as Answer };
};

test('the container is healthy', async () => {
  assert.equal((await call('/healthz')).status, 200);
});

test('it was built from this commit', async () => {
  const { service, commit } = (await call('/version')).body;
  assert.equal(service, 'recommendation');
  if (process.env['SLUICE_COMMIT']) assert.equal(commit, process.env['SLUICE_COMMIT']);
  else assert.match(commit, /^\w+$/);
});

test('it knows what goes with tea', async () => {
  const { status, body } = await call('/recommendations/tea-001');
  assert.equal(status, 200);
  assert.equal(body.items[0]?.sku, 'pot-001');
});

test('it learns from a new order', async () => {
  const [one, other] = [`a-${randomUUID()}`, `b-${randomUUID()}`];
  assert.equal((await call('/orders', { id: randomUUID(), skus: [one, other] })).status, 201);
  assert.deepEqual((await call(`/recommendations/${one}`)).body.items, [{ sku: other, score: 1, together: 1 }]);
});

test('an order without products is refused', async () => {
  const { status, body } = await call('/orders', { id: 'empty', skus: [] });
  assert.deepEqual([status, body.message], [400, 'skus must be a list of 1 to 200 products.']);
});
