import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from './eventually.ts';
import { startFaultProxy } from './fault-proxy.ts';
import type { FaultProxy } from './fault-proxy.ts';

let echo: Server;
let proxy: FaultProxy;
const clients: Client[] = [];

interface Client {
  readonly socket: Socket;
  text(): string;
  error(): string | undefined;
}

beforeAll(async () => {
  echo = createServer((socket) => socket.on('error', () => undefined).pipe(socket)).listen(0, '127.0.0.1');
  await once(echo, 'listening');
});
afterAll(() => void echo.close());
beforeEach(async () => {
  proxy = await startFaultProxy({ port: (echo.address() as AddressInfo).port });
});
afterEach(async () => {
  for (const { socket } of clients.splice(0)) socket.destroy();
  await proxy.stop();
});

function client(): Client {
  let text = '';
  let error: string | undefined;
  const socket = connect(proxy.port, proxy.host);
  socket
    .on('data', (data) => (text += data.toString()))
    .on('error', ({ code }: NodeJS.ErrnoException) => (error = code));
  const made = { socket, text: () => text, error: () => error };
  clients.push(made);
  return made;
}

describe('startFaultProxy', () => {
  it('passes bytes both ways and ends cleanly', async () => {
    const { socket, text } = client();
    socket.end('hello');
    await once(socket, 'close');
    expect(text()).toBe('hello');
    await eventually(() => proxy.connections === 0);
  });

  it('passes a megabyte unharmed and in order while the delay changes', async () => {
    proxy.set({ latencyMs: 30 });
    const { socket, text } = client();
    const sent = Array.from({ length: 100_000 }, (_, i) => String(i).padStart(10, '.')).join('');
    socket.write(sent.slice(0, 500_000));
    await eventually(() => proxy.connections === 1);
    proxy.set({});
    socket.end(sent.slice(500_000));
    await once(socket, 'close');
    expect(text() === sent).toBe(true);
  });

  it('loses what one side sends, and resets the connection rather than pass on a stream with a hole', async () => {
    proxy.set({ lose: 'received' });
    const { socket, text, error } = client();
    socket.write('question');
    await eventually(() => proxy.lostBytes === 'question'.length);
    expect(error()).toBeUndefined();
    proxy.set({});
    socket.write('again');
    await eventually(() => error() === 'ECONNRESET');
    expect(text()).toBe('');
  });

  it('loses questions too, which then never arrive', async () => {
    proxy.set({ lose: 'sent' });
    const { socket, text, error } = client();
    socket.write('unheard');
    await eventually(() => proxy.lostBytes === 'unheard'.length);
    proxy.set({});
    socket.write('again');
    await eventually(() => error() === 'ECONNRESET');
    expect(text()).toBe('');
  });

  it('delays both ways', async () => {
    proxy.set({ latencyMs: 40 });
    const { socket } = client();
    const start = performance.now();
    socket.write('x');
    await once(socket, 'data');
    expect(performance.now() - start).toBeGreaterThanOrEqual(78);
  });

  it('resets after so many bytes from the server, and those arrive', async () => {
    proxy.set({ cutAfterReceived: 3 });
    const { socket, text, error } = client();
    socket.write('abcdef');
    await eventually(() => error() === 'ECONNRESET');
    expect('abc'.startsWith(text())).toBe(true);
  });

  it('resets after so many bytes from the client', async () => {
    proxy.set({ cutAfterSent: 4 });
    const { socket, text, error } = client();
    socket.write('12');
    await eventually(() => text() === '12');
    socket.write('3456');
    await eventually(() => error() === 'ECONNRESET');
    expect(text().length).toBeLessThanOrEqual(4);
  });

  it('keeps a half-open connection silent, and goes on when healed', async () => {
    const { socket, text, error } = client();
    socket.write('a');
    await eventually(() => text() === 'a');
    proxy.set({ halfOpen: true });
    socket.write('b');
    await expect(eventually(() => text() === 'ab', { timeoutMs: 60, everyMs: 5 })).rejects.toThrow('Waited');
    expect(error()).toBeUndefined();
    proxy.set({});
    await eventually(() => text() === 'ab');
  });

  it('refuses new connections and cuts open ones on demand', async () => {
    const first = client();
    first.socket.write('a');
    await eventually(() => first.text() === 'a');
    proxy.set({ refuse: true });
    const second = client();
    await eventually(() => second.error() === 'ECONNRESET');
    expect(first.error()).toBeUndefined();
    proxy.cutAll();
    await eventually(() => first.error() === 'ECONNRESET');
  });
});
