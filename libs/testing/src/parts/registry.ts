import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ensureDebianPackages, programPath } from './debian-packages.ts';
import { freePort } from './free-port.ts';
import { LoopbackProcess } from './loopback-process.ts';

export interface RegistryOptions {
  /** Images, generated configuration and log are kept here. */
  readonly dataDir: string;
  /** A free one when left out; with a fixed port a registry that already answers there is used. */
  readonly port?: number;
  /** Answers those only who come with {@link REGISTRY_LOGIN}. */
  readonly locked?: boolean;
  readonly report?: (line: string) => void;
}

export interface Registry {
  /** `http://127.0.0.1:5000` */
  readonly url: string;
  /** `127.0.0.1:5000`, as it stands in front of a repository's name. */
  readonly host: string;
  readonly port: number;
  readonly startedByUs: boolean;
  stop(): Promise<void>;
}

/** Of a locked registry, with its line in the file of passwords. */
export const REGISTRY_LOGIN = { username: 'sluice', password: 'let-me-in-4711' } as const;
const LOGIN_LINE = 'sluice:$2b$04$nJl/jQh1Jwu3/aoPKFm00.KpA6Bwv7TXfm78Zr1BfwlUXxmUeJnD.\n';

/** Debian's image registry on loopback. Engines speak plain HTTP to 127.0.0.0/8 without any setting. */
export async function startRegistry({
  dataDir,
  port: fixed,
  locked = false,
  report,
}: RegistryOptions): Promise<Registry> {
  const port = fixed ?? (await freePort());
  const host = `127.0.0.1:${port}`;
  const url = `http://${host}`;
  if (fixed !== undefined && (await isRegistry(url))) {
    return { url, host, port, startedByUs: false, stop: async () => undefined };
  }
  await ensureDebianPackages(['docker-registry'], report === undefined ? {} : { report });
  const folder = resolve(dataDir);
  mkdirSync(join(folder, 'images'), { recursive: true });
  const config = join(folder, 'registry.json');
  const passwords = join(folder, 'passwords');
  if (locked) writeFileSync(passwords, LOGIN_LINE, { mode: 0o600 });
  const auth = locked ? { auth: { htpasswd: { realm: 'sluice', path: passwords } } } : {};
  writeFileSync(config, JSON.stringify({ ...configuration(folder, host), ...auth }, null, 2), { mode: 0o600 });
  const server = new LoopbackProcess({
    name: 'docker-registry',
    command: programPath('docker-registry') ?? 'docker-registry',
    args: ['serve', config],
    env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', OTEL_TRACES_EXPORTER: 'none' },
    logFile: join(folder, 'registry.log'),
    ready: () => isRegistry(url),
  });
  await server.start();
  return { url, host, port, startedByUs: true, stop: () => server.stop() };
}

/** JSON is YAML too, and needs no quoting rules for the folder's name. */
function configuration(folder: string, addr: string): object {
  return {
    version: '0.1',
    log: { level: 'warn', accesslog: { disabled: true } },
    storage: {
      filesystem: { rootdirectory: join(folder, 'images') },
      delete: { enabled: true },
      cache: { blobdescriptor: 'inmemory' },
    },
    http: { addr, secret: randomBytes(24).toString('hex'), headers: { 'X-Content-Type-Options': ['nosniff'] } },
  };
}

async function isRegistry(url: string): Promise<boolean> {
  try {
    const answer = await fetch(`${url}/v2/`, { signal: AbortSignal.timeout(2_000) });
    return (
      (answer.ok || answer.status === 401) &&
      (answer.headers.get('docker-distribution-api-version') ?? '').startsWith('registry/2')
    );
  } catch {
    return false;
  }
}
