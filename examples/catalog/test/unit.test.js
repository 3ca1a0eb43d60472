import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { search, words } from '../src/search.js';
import { catalogServer } from '../src/server.js';

const products = JSON.parse(readFileSync(new URL('../data/products.json', import.meta.url), 'utf8'));
const skus = (result) => result.items.map(({ sku }) => sku);

describe('search', () => {
  test('splits a text into words without accents and signs', () => {
    assert.deepEqual(words('Café press, 1 l'), ['cafe', 'press', '1', 'l']);
    assert.deepEqual(words(' -- '), []);
  });

  test('puts whole words of the name before beginnings, and those before tags', () => {
    assert.deepEqual(skus(search(products, { query: 'tea' })), ['tea-002', 'tea-001', 'bok-001', 'pot-001']);
    assert.deepEqual(skus(search(products, { query: 'coffee' })), ['bok-002', 'cof-001', 'pot-002']);
  });

  test('wants every word', () => {
    assert.deepEqual(skus(search(products, { query: 'tea green' })), ['tea-001']);
    assert.equal(search(products, { query: 'tea lamp' }).total, 0);
  });

  test('finds "Café" by "cafe"', () => {
    assert.deepEqual(skus(search(products, { query: 'cafe' })), ['pot-002']);
  });

  test('counts categories over all hits, also when one is chosen', () => {
    const result = search(products, { query: 'tea', category: 'books' });
    assert.deepEqual(result.facets, { drinks: 2, kitchen: 1, books: 1 });
    assert.deepEqual([result.total, ...skus(result)], [1, 'bok-001']);
  });

  test('leaves out what costs more, from the facets too', () => {
    const result = search(products, { query: 'tea', maxPriceCents: 600 });
    assert.deepEqual(result.facets, { drinks: 2 });
  });

  test('cuts pages out of the whole result and keeps the total', () => {
    const pages = [0, 4, 8, 12].map((offset) => search(products, { offset, limit: 4 }));
    assert.deepEqual(
      pages.map(({ items }) => items.length),
      [4, 4, 1, 0],
    );
    assert.equal(new Set(pages.flatMap(skus)).size, products.length);
    assert.ok(pages.every(({ total }) => total === products.length));
  });
});

describe('the data', () => {
  test('has each sku once, with a name, a category and a price', () => {
    assert.equal(new Set(products.map(({ sku }) => sku)).size, products.length);
    for (const { sku, name, category, priceCents } of products) {
      assert.match(sku, /^[\w-]+$/);
      assert.ok(name !== '' && category !== '' && Number.isInteger(priceCents) && priceCents > 0, sku);
    }
  });
});

describe('the server', () => {
  let server;
  let url;
  before(async () => {
    server = catalogServer(products, 'abc123');
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${server.address().port}`;
  });
  after(() => server.close());
  const get = async (path, options) => {
    const answer = await fetch(url + path, options);
    return [answer.status, await answer.json()];
  };

  test('tells its commit', async () => {
    assert.deepEqual(await get('/version'), [200, { service: 'catalog', commit: 'abc123' }]);
  });

  test('names the wrong parameter', async () => {
    assert.deepEqual(await get('/products?limit=-1'), [
      400,
      { message: 'limit must be a whole number from 0 to 100.' },
    ]);
    assert.equal((await get('/products?limit=101'))[0], 400);
    assert.equal((await get(`/products?q=${'x'.repeat(201)}`))[0], 400);
  });

  test('refuses writing and unknown paths', async () => {
    assert.equal((await get('/products', { method: 'POST' }))[0], 405);
    assert.equal((await get('/products/none'))[0], 404);
    assert.equal((await get('/products/__proto__'))[0], 404);
  });

  test('is unhealthy without products', async () => {
    const empty = catalogServer([], 'x');
    await new Promise((resolve) => empty.listen(0, '127.0.0.1', resolve));
    assert.equal((await fetch(`http://127.0.0.1:${empty.address().port}/healthz`)).status, 503);
    empty.close();
  });
});
