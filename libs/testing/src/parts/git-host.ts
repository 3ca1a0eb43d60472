import { createHash, timingSafeEqual } from 'node:crypto';
import { existsSync, mkdirSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { ensureDebianPackages } from './debian-packages.ts';
import { serveGitRequest } from './git-http-backend.ts';
import { isRepositoryName, makeBareRepository } from './git-repositories.ts';
import type { RepositoryHook } from './git-repositories.ts';

export interface GitHostOptions {
  /** Folder of the bare repositories; kept between starts. */
  readonly root: string;
  /** A free one when left out. */
  readonly port?: number;
  /** Where it listens and how it is addressed. Default: loopback alone. */
  readonly listen?: { readonly address: string; readonly name: string };
  /** Who may push, by password (HTTP basic). With nobody named, nobody can push. */
  readonly users?: Readonly<Record<string, string>>;
  /** Whether reading needs a user too. Default `anonymous`. */
  readonly read?: 'anonymous' | 'authenticated';
}

export interface GitHost {
  /** `http://127.0.0.1:4080` */
  readonly url: string;
  readonly origin: string;
  readonly port: number;
  /** Address to clone from; with `user`, to push to, the password inside. */
  repositoryUrl(name: string, user?: string): string;
  /** Makes a bare repository, or renews the hook of the one that is there. */
  createRepository(name: string, hook?: RepositoryHook): Promise<{ readonly url: string; readonly folder: string }>;
  stop(): Promise<void>;
}

/** `/name.git/` and one of the three addresses of smart HTTP; everything else, the dumb protocol too, is not found. */
const SMART_PATH = /^\/([^/]+)\.git\/(info\/refs|git-upload-pack|git-receive-pack)$/;

/** A small git server: git's own http-backend behind HTTP basic authentication. */
export async function startGitHost({
  root,
  port = 0,
  listen = { address: '127.0.0.1', name: '127.0.0.1' },
  users = {},
  read = 'anonymous',
}: GitHostOptions): Promise<GitHost> {
  await ensureDebianPackages(['git']);
  const folder = resolve(root);
  mkdirSync(folder, { recursive: true });
  const server = createServer((request, response) => answer(request, response, { root: folder, users, read }));
  server.requestTimeout = 0; // A large push may take its time.
  await new Promise<void>((started, failed) => {
    server.once('error', (cause: NodeJS.ErrnoException) =>
      failed(
        cause.code === 'EADDRINUSE'
          ? new Error(`Port ${port} for the git host is taken: stop what listens there or choose another port.`, {
              cause,
            })
          : cause,
      ),
    );
    server.listen(port, listen.address, started);
  });
  const bound = (server.address() as AddressInfo).port;
  const url = `http://${listen.name}:${bound}`;
  const repositoryUrl = (name: string, user?: string) => {
    if (user === undefined) return `${url}/${name}.git`;
    const password = users[user];
    if (password === undefined) throw new TypeError(`The git host knows no user ${JSON.stringify(user)}`);
    return `http://${encodeURIComponent(user)}:${encodeURIComponent(password)}@${listen.name}:${bound}/${name}.git`;
  };
  return {
    url,
    origin: url,
    port: bound,
    repositoryUrl,
    createRepository: async (name, hook) => ({
      folder: await makeBareRepository(folder, name, hook),
      url: repositoryUrl(name),
    }),
    stop: () =>
      new Promise<void>((stopped) => {
        server.close(() => stopped());
        server.closeAllConnections();
      }),
  };
}

interface Rules {
  readonly root: string;
  readonly users: Readonly<Record<string, string>>;
  readonly read: 'anonymous' | 'authenticated';
}

function answer(request: IncomingMessage, response: ServerResponse, { root, users, read }: Rules): void {
  const [path, query] = splitOnce(request.url ?? '/', '?');
  const [, name = '', operation = ''] = SMART_PATH.exec(path) ?? [];
  const service = operation === 'info/refs' ? new URLSearchParams(query).get('service') : operation;
  const expectedMethod = operation === 'info/refs' ? 'GET' : 'POST';
  if (!isRepositoryName(name) || (service !== 'git-upload-pack' && service !== 'git-receive-pack'))
    return say(response, 404, 'Not found.');
  if (request.method !== expectedMethod) return say(response, 405, `Use ${expectedMethod}.`);
  const user = authenticate(request.headers.authorization, users);
  const needsUser = service === 'git-receive-pack' || read === 'authenticated';
  // A wrong password is refused even where none is needed, so that a typing error does not read as somebody else.
  if (user === 'refused' || (needsUser && user === undefined)) {
    response.setHeader('WWW-Authenticate', 'Basic realm="git", charset="UTF-8"');
    return say(response, 401, 'Sign in with your user name and password.');
  }
  if (!existsSync(join(root, `${name}.git`, 'HEAD'))) return say(response, 404, 'Not found.');
  serveGitRequest(request, response, { root, path, query, ...(user === undefined ? {} : { user: user.name }) });
}

function authenticate(header: string | undefined, users: Rules['users']): { name: string } | 'refused' | undefined {
  if (header === undefined) return undefined;
  const [, encoded] = /^Basic ([A-Za-z0-9+/=]+)$/i.exec(header) ?? [];
  if (encoded === undefined) return 'refused';
  const [name, password] = splitOnce(Buffer.from(encoded, 'base64').toString('utf8'), ':');
  const known = Object.hasOwn(users, name) ? users[name] : undefined;
  const matches = timingSafeEqual(hash(password), hash(known ?? ''));
  return matches && known !== undefined ? { name } : 'refused';
}

function hash(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

function say(response: ServerResponse, status: number, sentence: string): void {
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', Connection: 'close' }).end(`${sentence}\n`);
}
