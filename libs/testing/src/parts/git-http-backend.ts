import { spawn } from 'node:child_process';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { gitEnvironment, HOOK_CHANNEL } from './git-repositories.ts';
import { answerHook } from './push-hook.ts';

export interface GitRequest {
  readonly root: string;
  /** Path below the root, already checked: `/catalog.git/info/refs`. */
  readonly path: string;
  readonly query: string;
  readonly user?: string;
}

const LONGEST_HEAD = 16 * 1024;

/** Runs git's own smart HTTP program for one request, streaming both ways. */
export function serveGitRequest(request: IncomingMessage, response: ServerResponse, target: GitRequest): void {
  const backend = spawn('git', ['http-backend'], {
    env: environment(request, target),
    // The fourth is inherited by the post-receive hook and goes both ways.
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
  });
  const [, repository = ''] = target.path.split('/');
  void answerHook(backend.stdio[HOOK_CHANNEL] as Duplex, join(target.root, repository), target.user ?? 'anonymous');
  const refuse = (reason: string) => {
    backend.kill();
    if (!response.headersSent) response.writeHead(500, { 'Content-Type': 'text/plain' }).end(`${reason}\n`);
    else response.destroy();
  };
  let complaint = '';
  backend.stderr.setEncoding('utf8').on('data', (text: string) => (complaint = (complaint + text).slice(-2_000)));
  backend.once('error', (error) => refuse(`git http-backend could not run: ${error.message}`));
  backend.once('close', (code) => {
    if (!response.headersSent) refuse(`git http-backend ended with ${code}: ${complaint.trim()}`);
  });
  backend.stdin.on('error', () => undefined); // git may close its input early; its answer says why.
  request.pipe(backend.stdin);
  response.once('close', () => {
    if (!response.writableFinished) backend.kill();
  });

  let head = Buffer.alloc(0);
  const onHead = (chunk: Buffer) => {
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) {
      if (head.length > LONGEST_HEAD) refuse('git http-backend sent no header');
      return;
    }
    backend.stdout.off('data', onHead);
    backend.stdout.pause();
    const { status, headers } = parseHead(head.subarray(0, end).toString('latin1'));
    response.writeHead(status, headers);
    response.write(head.subarray(end + 4));
    backend.stdout.pipe(response);
  };
  backend.stdout.on('data', onHead);
}

function environment(request: IncomingMessage, { root, path, query, user }: GitRequest): NodeJS.ProcessEnv {
  const { headers } = request;
  const one = (value: string | string[] | undefined) => (Array.isArray(value) ? value[0] : value);
  const given: Readonly<Record<string, string | undefined>> = {
    CONTENT_TYPE: headers['content-type'],
    // Absent for a chunked body, which git then reads to its end.
    CONTENT_LENGTH: headers['content-length'],
    HTTP_CONTENT_ENCODING: headers['content-encoding'],
    GIT_PROTOCOL: one(headers['git-protocol']),
    REMOTE_USER: user,
  };
  const present = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return {
    ...gitEnvironment(root),
    GIT_PROJECT_ROOT: root,
    GIT_HTTP_EXPORT_ALL: '1',
    REQUEST_METHOD: request.method ?? 'GET',
    PATH_INFO: path,
    QUERY_STRING: query,
    REMOTE_ADDR: request.socket.remoteAddress ?? '127.0.0.1',
    ...present,
  };
}

function parseHead(text: string): { status: number; headers: Record<string, string> } {
  const headers: Record<string, string> = {};
  let status = 200;
  for (const line of text.split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon < 1) continue;
    const name = line.slice(0, colon);
    const value = line.slice(colon + 1).trim();
    if (name.toLowerCase() === 'status') status = Number.parseInt(value, 10) || 500;
    else headers[name] = value;
  }
  return { status, headers };
}
