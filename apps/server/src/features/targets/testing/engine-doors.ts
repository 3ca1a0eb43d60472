import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer as createSocketServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import ssh2 from 'ssh2';

/** Another way to this machine's engine, and what the environment's secret must hold to use it. */
export interface EngineDoor {
  readonly address: string;
  readonly credential: string;
  close(): void;
}

/** An ssh server that knows one user's key and one command. */
export async function sshDoor(socketPath: string): Promise<EngineDoor> {
  const host = ssh2.utils.generateKeyPairSync('ed25519');
  const client = ssh2.utils.generateKeyPairSync('ed25519');
  const allowed = ssh2.utils.parseKey(client.public);
  if (allowed instanceof Error) throw allowed;
  const server = new ssh2.Server({ hostKeys: [host.private] }, (session) => {
    session.on('error', () => undefined);
    session.on('authentication', (attempt) => {
      const known = attempt.method === 'publickey' && attempt.key.data.equals(allowed.getPublicSSH());
      if (known && attempt.username === 'deploy') attempt.accept();
      else attempt.reject(['publickey']);
    });
    session.on('session', (accept) =>
      accept().on('exec', (acceptCommand, refuse, { command }) => {
        if (command !== 'docker system dial-stdio') return refuse();
        const channel = acceptCommand();
        const engine = connect(socketPath);
        channel.pipe(engine).pipe(channel);
        engine.on('error', () => channel.close());
        channel.on('close', () => engine.destroy());
      }),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    address: `ssh://deploy@127.0.0.1:${port}`,
    credential: `${client.private}\n127.0.0.1 ${host.public}\n`,
    close: () => server.close(),
  };
}

/** TLS that asks for a client certificate of its own authority; the program openssl makes the certificates. */
export async function tlsDoor(socketPath: string, folder: string): Promise<EngineDoor> {
  const at = (name: string) => join(folder, name);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  openssl(
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
    '-days',
    '2',
    '-subj',
    '/CN=authority',
  );
  for (const name of ['engine', 'client']) {
    writeFileSync(at(`${name}.ext`), name === 'engine' ? 'subjectAltName=IP:127.0.0.1' : 'extendedKeyUsage=clientAuth');
    openssl(
      'req',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.csr`,
      '-subj',
      `/CN=${name}`,
    );
    openssl(
      'x509',
      '-req',
      '-in',
      `${name}.csr`,
      '-CA',
      'ca.pem',
      '-CAkey',
      'ca.key',
      '-CAcreateserial',
      '-days',
      '2',
      '-extfile',
      `${name}.ext`,
      '-out',
      `${name}.pem`,
    );
  }
  const read = (name: string) => readFileSync(at(name), 'utf8');
  const server = createTlsServer(
    {
      key: read('engine.key'),
      cert: read('engine.pem'),
      ca: read('ca.pem'),
      requestCert: true,
      rejectUnauthorized: true,
    },
    (socket) => joined(socket, connect(socketPath)),
  );
  server.on('tlsClientError', () => undefined);
  const port = await listening(server);
  return {
    address: `tcp://127.0.0.1:${port}`,
    credential: read('ca.pem') + read('client.key') + read('client.pem'),
    close: () => server.close(),
  };
}

/** A socket that can be shut and opened again, as an engine that stops and starts. */
export class FaultyDoor {
  readonly path: string;
  readonly #socketPath: string;
  readonly #connections = new Set<Socket>();
  #server: Server | undefined;
  constructor(socketPath: string, path: string) {
    this.#socketPath = socketPath;
    this.path = path;
  }

  async open(): Promise<void> {
    this.#server = createSocketServer((socket) => {
      this.#connections.add(socket);
      joined(socket, connect(this.#socketPath));
    });
    await new Promise<void>((resolve) => this.#server!.listen(this.path, resolve));
  }

  shut(): void {
    this.#server?.close();
    for (const socket of this.#connections) socket.destroy();
    this.#connections.clear();
  }
}

function joined(one: Socket, other: Socket): void {
  one.pipe(other).pipe(one);
  one.on('error', () => other.destroy()).on('close', () => other.destroy());
  other.on('error', () => one.destroy()).on('close', () => one.destroy());
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}
