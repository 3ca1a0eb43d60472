// Runs against the built image; URL names it.
import assert from 'node:assert/strict';
import { test } from 'node:test';

const url = process.env.URL ?? 'http://127.0.0.1:8080';
const get = async (path) => {
  const answer = await fetch(url + path, { signal: AbortSignal.timeout(5_000) });
  return [answer.status, await answer.json()];
};

test('the container is healthy', async () => {
  const [status, { products }] = await get('/healthz');
  assert.equal(status, 200);
  assert.ok(products > 0);
});

test('it was built from this commit', async () => {
  const [, { service, commit }] = await get('/version');
  assert.equal(service, 'catalog');
  if (process.env.SLUICE_COMMIT) assert.equal(commit, process.env.SLUICE_COMMIT);
  else assert.match(commit, /^\w+$/);
});

test('a customer finds tea, narrows to books and opens one', async () => {
  const [, all] = await get('/products?q=tea');
  assert.equal(all.items[0].category, 'drinks');
  assert.ok(all.facets.books >= 1);
  const [, books] = await get('/products?q=tea&category=books');
  assert.equal(books.total, all.facets.books);
  const [status, book] = await get(`/products/${books.items[0].sku}`);
  assert.deepEqual([status, book], [200, books.items[0]]);
});

test('what is not there is said to be not there', async () => {
  assert.equal((await get('/products/no-such-thing'))[0], 404);
  assert.equal((await get('/products?limit=many'))[0], 400);
});
