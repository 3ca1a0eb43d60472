import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { recommend, weightOf } from '../src/ranking.ts';
import type { Order } from '../src/ranking.ts';
import { InvalidOrder, readOrder } from '../src/read-order.ts';
import { recommendationServer } from '../src/server.ts';

const NOW = new Date('2026-06-01T00:00:00Z');
const daysAgo = (days: number) => new Date(NOW.getTime() - days * 86_400_000);
const order = (id: string, days: number, ...skus: string[]): Order => ({ id, at: daysAgo(days), skus });
const skus = (items: readonly { sku: string }[]) => items.map(({ sku }) => sku);

describe('weight', () => {
  test('halves with each half-life', () => {
    assert.deepEqual(
      [0, 30, 60].map((days) => weightOf(daysAgo(days), NOW, 30)),
      [1, 0.5, 0.25],
    );
  });

  test('is never more than 1, even from the future', () => {
    assert.equal(weightOf(daysAgo(-10), NOW, 30), 1);
  });
});

describe('ranking', () => {
  test('knows nothing of a product that nobody bought, or only alone', () => {
    assert.deepEqual(recommend([order('1', 0, 'a', 'b')], 'x', NOW), []);
    assert.deepEqual(recommend([order('1', 0, 'a')], 'a', NOW), []);
  });

  test('prefers what is bought together more often', () => {
    const orders = [order('1', 0, 'a', 'b'), order('2', 0, 'a', 'b'), order('3', 0, 'a', 'c'), order('4', 0, 'c')];
    assert.deepEqual(skus(recommend(orders, 'a', NOW)), ['b', 'c']);
  });

  test('prefers the newer of two equal pairs', () => {
    const orders = [order('1', 90, 'a', 'old'), order('2', 1, 'a', 'new'), order('3', 1, 'old'), order('4', 90, 'new')];
    assert.deepEqual(skus(recommend(orders, 'a', NOW)), ['new', 'old']);
  });

  test('does not let a bestseller go with everything', () => {
    const bestseller = Array.from({ length: 20 }, (_, i) => order(`b${i}`, 0, 'best'));
    const orders = [...bestseller, order('1', 0, 'a', 'best'), order('2', 0, 'a', 'best'), order('3', 0, 'a', 'rare')];
    assert.deepEqual(skus(recommend(orders, 'a', NOW)), ['rare', 'best']);
  });

  test('scores two products that are only bought together with 1, both ways', () => {
    const orders = [order('1', 5, 'a', 'b'), order('2', 50, 'b', 'a')];
    assert.deepEqual(recommend(orders, 'a', NOW), [{ sku: 'b', score: 1, together: 2 }]);
    assert.deepEqual(recommend(orders, 'b', NOW), [{ sku: 'a', score: 1, together: 2 }]);
  });

  test('counts a product once an order, and cuts at the limit in a stable order', () => {
    const orders = [order('1', 0, 'a', 'd', 'c', 'b', 'b')];
    assert.deepEqual(skus(recommend(orders, 'a', NOW, { limit: 2 })), ['b', 'c']);
    assert.equal(recommend(orders, 'a', NOW)[0]?.together, 1);
  });

  test('survives orders so old that their weight is zero', () => {
    assert.deepEqual(recommend([order('1', 100_000, 'a', 'b')], 'a', NOW), [{ sku: 'b', score: 0, together: 1 }]);
  });
});

describe('an order', () => {
  test('is read with each product once, placed now unless it says when', () => {
    assert.deepEqual(readOrder({ id: 'o-1', skus: ['a', 'b', 'a'] }, NOW), { id: 'o-1', at: NOW, skus: ['a', 'b'] });
  });

  test('is refused when something is wrong with it', () => {
    for (const wrong of [
      null,
      [],
      {},
      { id: 'o 1', skus: ['a'] },
      { id: 'o', skus: [] },
      { id: 'o', skus: [1] },
      { id: 'o', skus: ['a'], at: 'soon' },
      { id: 'o', skus: ['a'], at: 5 },
    ]) {
      assert.throws(() => readOrder(wrong, NOW), InvalidOrder, JSON.stringify(wrong));
    }
  });
});

describe('the server', () => {
  const server = recommendationServer([order('1', 3, 'a', 'b')], 'abc123', () => NOW);
  let url: string;
  before(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => void server.close());
  const call = async (path: string, body?: string) => {
    const answer = await fetch(url + path, body === undefined ? {} : { method: 'POST', body });
    return [answer.status, await answer.json()] as [number, { items: { sku: string }[] }];
  };

  test('tells its commit', async () => {
    assert.deepEqual<unknown>(await call('/version'), [200, { service: 'recommendation', commit: 'abc123' }]);
  });

  test('learns from a new order, and once from the same', async () => {
    const body = JSON.stringify({ id: '2', skus: ['a', 'c'] });
    assert.deepEqual([(await call('/orders', body))[0], (await call('/orders', body))[0]], [201, 200]);
    assert.deepEqual(skus((await call('/recommendations/a'))[1].items), ['c', 'b']);
  });

  test('answers bad requests with what is wrong', async () => {
    assert.deepEqual<unknown>(await call('/orders', '{'), [400, { message: 'The body is not JSON.' }]);
    assert.equal((await call('/orders', JSON.stringify({ id: 'x'.repeat(30_000) })))[0], 400);
    assert.equal((await call('/recommendations/a?limit=0'))[0], 400);
    assert.equal((await call('/orders'))[0], 405);
    assert.equal((await call('/nowhere'))[0], 404);
  });
});
