import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deliverPush, pushRequest } from './push-hook.ts';
import type { PushPayload } from './push-hook.ts';

const payload: PushPayload = {
  ref: 'refs/heads/main',
  before: '0'.repeat(40),
  after: 'a'.repeat(40),
  repository: { name: 'catalog' },
  pusher: { name: 'ada' },
  commits: [],
};

let server: Server;
let url: string;
let answer: (response: ServerResponse) => void;

beforeAll(async () => {
  server = createServer((request, response) => {
    request.resume().on('end', () => answer(response));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks/1`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const deliver = (timeoutMs?: number) => deliverPush(pushRequest(url, 'secret', payload, 'd-1'), timeoutMs);
const replies = (status: number, body: string) => (response: ServerResponse) => response.writeHead(status).end(body);

describe('pushRequest', () => {
  it('signs exactly the bytes it sends', () => {
    const { body, headers } = pushRequest(url, 'secret', payload, 'd-1');
    expect(JSON.parse(body)).toEqual(payload);
    expect(headers).toEqual({
      'Content-Type': 'application/json',
      'X-Sluice-Event': 'push',
      'X-Sluice-Delivery': 'd-1',
      'X-Sluice-Signature-256': `sha256=${createHmac('sha256', 'secret').update(body).digest('hex')}`,
    });
  });
});

describe('deliverPush', () => {
  it('names every run that the push started', async () => {
    const runs = [1, 2].map((number) => ({ service: 'catalog', number, url: `http://sluice/${number}` }));
    answer = replies(202, JSON.stringify({ runs }));
    expect(await deliver()).toBe('run catalog #1 http://sluice/1; run catalog #2 http://sluice/2');
  });

  it('shows the sentence of a server that planned nothing yet, or the text as it came', async () => {
    answer = replies(202, JSON.stringify({ runs: [], message: 'no service listens to this branch' }));
    expect(await deliver()).toBe('no service listens to this branch');
    answer = replies(200, 'ok');
    expect(await deliver()).toBe('ok');
    answer = replies(204, '');
    expect(await deliver()).toBe('accepted (204)');
  });

  it('says that it was refused, and why', async () => {
    answer = replies(401, JSON.stringify({ message: 'The signature does not match.' }));
    expect(await deliver()).toBe('refused with 401: The signature does not match.');
  });

  it('keeps control characters of an answer off the terminal', async () => {
    answer = replies(200, '\u001b[31mred\u0007\nnext');
    expect(await deliver()).toBe('[31mred next');
  });

  it('gives up on a server that does not answer, or only begins to', async () => {
    answer = () => undefined;
    expect(await deliver(50)).toBe(`no answer from ${url} within 0.05 s`);
    answer = (response) => void response.writeHead(200).write('{');
    expect(await deliver(50)).toBe(`no answer from ${url} within 0.05 s`);
  });

  it('does not carry the signature on to where it is sent elsewhere', async () => {
    answer = (response) => void response.writeHead(307, { Location: 'http://127.0.0.1:1/' }).end();
    expect(await deliver()).toMatch(/^could not reach .*redirect/);
  });
});
