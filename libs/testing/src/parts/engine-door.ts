import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { execa } from 'execa';
import { ensureDebianPackages } from './debian-packages.ts';
import { temporaryFolder } from './temporary-folder.ts';

export interface EngineDoor {
  /** As DOCKER_HOST spells it. */
  readonly address: string;
  /** Folder with `ca.pem`, `cert.pem` and `key.pem` of a client that is let in, for DOCKER_CERT_PATH. */
  readonly certPath: string;
  /** Connections that came with a certificate and were let through so far. */
  readonly letIn: number;
  stop(): Promise<void>;
}

/**
 * A second way to the engine behind a unix socket: TCP on loopback with TLS, for clients whose certificate its own authority signed, as an
 * engine on another machine asks for. The engine itself stays on this machine.
 */
export async function openEngineDoor(engineAddress: string): Promise<EngineDoor> {
  if (!engineAddress.startsWith('unix://'))
    throw new Error(`The engine at ${engineAddress} has no unix socket to stand in front of: unset DOCKER_HOST.`);
  const socketPath = engineAddress.slice('unix://'.length);
  await ensureDebianPackages(['openssl']);
  const folder = temporaryFolder('engine-door');
  await makeCertificates(folder.path);
  const pem = (name: string) => readFileSync(join(folder.path, name));
  let letIn = 0;
  const open = new Set<Socket>();
  // Half of a connection closes where the input of an exec ends.
  const server = createServer(
    {
      ca: pem('ca.pem'),
      cert: pem('server-cert.pem'),
      key: pem('server-key.pem'),
      requestCert: true,
      rejectUnauthorized: true,
      allowHalfOpen: true,
    },
    (client) => {
      letIn += 1;
      const engine = connect({ path: socketPath, allowHalfOpen: true });
      client.pipe(engine).pipe(client);
      client.once('close', () => engine.destroy());
      client.on('error', () => engine.destroy());
      engine.on('error', () => client.destroy());
    },
  );
  // Also those that are never let in.
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  await new Promise<void>((started, failed) => server.once('error', failed).listen(0, '127.0.0.1', started));
  return {
    address: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    certPath: folder.path,
    get letIn() {
      return letIn;
    },
    stop: async () => {
      for (const socket of open) socket.destroy();
      await new Promise((closed) => server.close(closed));
      folder.remove();
    },
  };
}

/** An authority, and a certificate of each side that it signed. */
async function makeCertificates(folder: string): Promise<void> {
  const openssl = (...args: string[]) => execa('openssl', args, { cwd: folder });
  const fresh = ['req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  await openssl(...fresh, '-x509', '-days', '2', '-subj', '/CN=authority', '-keyout', 'ca-key.pem', '-out', 'ca.pem');
  const sign = async (names: { key: string; cert: string }, extension: string) => {
    await openssl(...fresh, '-subj', '/CN=engine', '-addext', extension, '-keyout', names.key, '-out', 'request.pem');
    const signer = ['-CA', 'ca.pem', '-CAkey', 'ca-key.pem', '-CAcreateserial', '-copy_extensions', 'copy'];
    await openssl('x509', '-req', '-days', '2', '-in', 'request.pem', ...signer, '-out', names.cert);
  };
  await sign({ key: 'server-key.pem', cert: 'server-cert.pem' }, 'subjectAltName=IP:127.0.0.1');
  await sign({ key: 'key.pem', cert: 'cert.pem' }, 'extendedKeyUsage=clientAuth');
}
