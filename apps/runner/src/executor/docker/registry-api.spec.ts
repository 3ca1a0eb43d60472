import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { freePort } from '@sluice/testing';
import { afterEach, expect, test } from 'vitest';
import { askRegistry } from './registry-api.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function serve(answer: (asked: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const get = { method: 'GET', manifest: 'latest', headers: {} } as const;
const ask = (host: string, credentials: Parameters<typeof askRegistry>[2] = []) =>
  askRegistry(`${host}/team/app`, get, credentials, new AbortController().signal);
const login = { username: 'ada', password: 'let-me-in' };

test.each(['http://169.254.169.254/latest/meta-data', 'http://metadata.internal/token', 'file:///etc/passwd', ''])(
  'a registry that hands out tokens at "%s" gets no answer from there',
  async (realm) => {
    const host = await serve((_, response) =>
      response.writeHead(401, { 'www-authenticate': `Bearer realm="${realm}"` }).end(),
    );
    await expect(ask(host, [{ registry: host, ...login }])).rejects.toThrow('which is no https address');
  },
);

test('a credential goes to its own registry alone, and a missing one is told', async () => {
  const asked: (string | undefined)[] = [];
  const host = await serve((request, response) => {
    asked.push(request.headers.authorization);
    response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
  });
  await expect(ask(host, [{ registry: 'registry.example.com', ...login }])).rejects.toThrow(
    'the registry wants a credential, and there is none for it',
  );
  expect(asked).toEqual([undefined]);
});

test('a registry, and its place of tokens, that leads on elsewhere is not followed', async () => {
  let reached = false;
  const elsewhere = await serve((_, response) => {
    reached = true;
    response.end('{"token":"x"}');
  });
  const host = await serve((request, response) => {
    if (request.url?.startsWith('/token')) response.writeHead(302, { location: `http://${elsewhere}/` }).end();
    else
      response
        .writeHead(401, { 'www-authenticate': `Bearer realm="http://${request.headers.host}/token",service="a"` })
        .end();
  });
  const astray = await serve((_, response) => response.writeHead(307, { location: `http://${elsewhere}/` }).end());
  for (const registry of [host, astray])
    await expect(ask(registry, [{ registry, ...login }])).rejects.toThrow('was not reached');
  expect(reached).toBe(false);
});

test('what a registry says no with, and one that is not there, are told', async () => {
  const host = await serve((_, response) => response.writeHead(403).end('{"errors":[{"code":"DENIED"}]}'));
  await expect(ask(host)).rejects.toThrow(`the registry answered 403 for http://${host}/v2/team/app/manifests/latest`);
  const nobody = `127.0.0.1:${await freePort()}`;
  await expect(ask(nobody)).rejects.toThrow(`${nobody} was not reached: connection refused`);
});
