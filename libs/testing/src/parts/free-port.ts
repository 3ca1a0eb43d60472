import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';

/** A TCP port that nobody listened on a moment ago (127.0.0.1 unless told). The caller binds it at once. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port: 0, exclusive: true }, resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}
