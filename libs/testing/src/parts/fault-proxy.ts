import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

/** What the proxy does to connections; each call of `set` replaces all of it. Byte counts are per connection. */
export interface Faults {
  /** Delay of every chunk, both ways, in milliseconds. */
  readonly latencyMs?: number;
  /** Reset the connection after this many bytes from the client. */
  readonly cutAfterSent?: number;
  /** Reset the connection after this many bytes from the server. */
  readonly cutAfterReceived?: number;
  /** Connections stay open and nothing passes any more, either way (a dead peer behind a live socket). */
  readonly halfOpen?: boolean;
  /** What one side sends is swallowed on open connections: a partition in one direction. Once healed, a connection that lost bytes is reset with its next ones. */
  readonly lose?: 'sent' | 'received';
  /** New connections are reset at once. */
  readonly refuse?: boolean;
}

export interface FaultProxy {
  readonly host: string;
  readonly port: number;
  /** Open client connections. */
  readonly connections: number;
  /** What `lose` has swallowed so far. */
  readonly lostBytes: number;
  /** Takes effect at once, also for open connections; `{}` heals. */
  set(faults: Faults): void;
  /** Resets every open connection. */
  cutAll(): void;
  /** Where new connections lead from now on. */
  aim(target: ProxyTarget): void;
  stop(): Promise<void>;
}

export interface ProxyTarget {
  readonly host?: string;
  readonly port: number;
}

/** A TCP proxy on loopback in front of `first` that breaks connections on demand. */
export async function startFaultProxy(first: ProxyTarget, initial: Faults = {}): Promise<FaultProxy> {
  let target = first;
  let faults = initial;
  let lostBytes = 0;
  const swallow = (chunk: Buffer | 'end') => void (lostBytes += chunk === 'end' ? 0 : chunk.length);
  const open = new Set<{ client: Socket; upstream: Socket; resume: () => void }>();
  const server = createServer({ allowHalfOpen: true }, (client) => {
    if (faults.refuse) {
      client.on('error', () => undefined);
      client.resetAndDestroy();
      return;
    }
    const upstream = connect({ host: target.host ?? '127.0.0.1', port: target.port, allowHalfOpen: true });
    const sent = relay(
      client,
      upstream,
      () => faults,
      () => faults.cutAfterSent,
      'sent',
      swallow,
    );
    const received = relay(
      upstream,
      client,
      () => faults,
      () => faults.cutAfterReceived,
      'received',
      swallow,
    );
    const pair = { client, upstream, resume: () => [sent, received].forEach((flush) => flush()) };
    open.add(pair);
    // One side's clean close leaves the other alone: it may still have bytes to deliver.
    const closed = () => {
      if (client.destroyed && upstream.destroyed) open.delete(pair);
    };
    for (const socket of [client, upstream]) socket.once('close', closed).on('error', () => reset(client, upstream));
  });
  await new Promise<void>((started, failed) => server.once('error', failed).listen(0, '127.0.0.1', started));
  const cutAll = () => open.forEach(({ client, upstream }) => reset(client, upstream));
  return {
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    get connections() {
      return open.size;
    },
    get lostBytes() {
      return lostBytes;
    },
    set: (next) => {
      faults = next;
      open.forEach(({ resume }) => resume());
    },
    cutAll,
    aim: (next) => void (target = next),
    stop: () =>
      new Promise<void>((stopped) => {
        server.close(() => stopped());
        cutAll();
      }),
  };
}

/** Passes chunks on in order, each when its delay is over; `flush` looks again after the faults have changed. */
function relay(
  from: Socket,
  to: Socket,
  faults: () => Faults,
  limit: () => number | undefined,
  direction: NonNullable<Faults['lose']>,
  swallow: (chunk: Buffer | 'end') => void,
): () => void {
  const waiting: { readonly chunk: Buffer | 'end'; readonly due: number }[] = [];
  let passed = 0;
  let hasLost = false;
  const pass = (chunk: Buffer | 'end') => {
    if (to.destroyed) return;
    if (faults().lose === direction) {
      hasLost = true;
      return swallow(chunk);
    }
    // A stream with a hole in it never reaches anybody.
    if (hasLost) return reset(from, to);
    if (chunk === 'end') return void to.end();
    const allowed = limit();
    if (allowed !== undefined && passed + chunk.length > allowed) {
      // What fits still goes out before the reset, as on a real wire.
      to.write(chunk.subarray(0, Math.max(0, allowed - passed)), () => reset(from, to));
      passed = allowed;
      return;
    }
    passed += chunk.length;
    if (!to.write(chunk)) {
      from.pause();
      to.once('drain', () => from.resume());
    }
  };
  const flush = () => {
    if (faults().halfOpen) return void from.pause();
    from.resume();
    for (let head = waiting[0]; head !== undefined; head = waiting[0]) {
      const rest = head.due - performance.now();
      if (rest > 0) return void setTimeout(flush, Math.ceil(rest));
      waiting.shift();
      pass(head.chunk);
    }
  };
  const receive = (chunk: Buffer | 'end') => {
    waiting.push({ chunk, due: performance.now() + (faults().latencyMs ?? 0) });
    flush();
  };
  from.on('data', receive).on('end', () => receive('end'));
  return flush;
}

function reset(...sockets: readonly Socket[]): void {
  for (const socket of sockets) if (!socket.destroyed) socket.resetAndDestroy();
}
