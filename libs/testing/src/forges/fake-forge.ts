import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { bitbucketContract } from './bitbucket-contract.ts';
import { FakeGithubApp } from './fake-github-app.ts';
import { FORGES, type ForgeAnswer, type ForgeContract, type ForgeName, type ShownStatus } from './forge-contracts.ts';
import { giteaContract } from './gitea-contract.ts';
import { githubContract } from './github-contract.ts';
import { gitlabContract } from './gitlab-contract.ts';

const CONTRACTS: Readonly<Record<ForgeName, ForgeContract>> = {
  github: githubContract,
  gitlab: gitlabContract,
  gitea: giteaContract,
  bitbucket: bitbucketContract,
};

/** `lost-answer`: a status or check is taken, and the connection breaks before the answer; all else is answered. */
type ForgeFault = ForgeAnswer | 'hang' | 'reset' | 'lost-answer';

export interface FakeForge {
  readonly origin: string;
  apiUrl(forge: ForgeName): string;
  /** The token that is accepted. */
  readonly token: string;
  /** GitHub's App, which writes checks instead of statuses. */
  readonly app: FakeGithubApp;
  /** Every status that was ever accepted, in order. */
  readonly history: readonly ShownStatus[];
  /** Requests so far, those that were refused included. */
  readonly requests: number;
  /** Requests that were well-formed HTTP and broke the contract, as `<status> <body>`. */
  readonly refusals: readonly string[];
  shown(commit: string, context: string): ShownStatus | undefined;
  /** How requests are answered from now on instead, `hang` = not at all; undefined heals. Of one forge, or of all. */
  fault(answer: ForgeFault | undefined, forge?: ForgeName): void;
  stop(): Promise<void>;
}

/** The status calls of four forges on one loopback port, each under its own base path, held to their documented contracts. */
export async function startFakeForge({ token = 'forge-token', port = 0 } = {}): Promise<FakeForge> {
  const history: ShownStatus[] = [];
  const refusals: string[] = [];
  const app = new FakeGithubApp();
  let requests = 0;
  const faults = new Map<ForgeName, ForgeFault>();
  const shown = (commit: string, context: string, forge?: ForgeName) =>
    history.findLast(
      (status) => status.commit === commit && status.context === context && (forge ?? status.forge) === status.forge,
    );

  const answerTo = async (request: IncomingMessage, contract: ForgeContract | undefined): Promise<ForgeAnswer> => {
    if (contract === undefined) return { status: 404, body: { message: 'Not Found' } };
    const { method = '', headers } = request;
    const path = request.url!.slice(contract.basePath.length);
    const body = method === 'GET' ? {} : parse(await textOf(request));
    const answered = contract.forge === 'github' ? app.answer({ method, path, headers, body }) : undefined;
    if (answered !== undefined) return answered;
    if (method !== 'POST') return { status: 405, body: { message: 'Method Not Allowed' } };
    if (headers['content-type'] !== 'application/json')
      return { status: 415, body: { message: 'Unsupported Media Type' } };
    if (body === undefined) return { status: 400, body: { message: 'Problems parsing JSON' } };
    const commit = /[0-9a-f]{40}/.exec(path)?.[0] ?? '';
    const judged = contract.judge({ path, headers, body }, token, (context) => shown(commit, context, contract.forge));
    if ('refused' in judged) return judged.refused;
    history.push(judged.shown);
    return { status: contract.answersWith, body: { id: history.length } };
  };

  const server = createServer((request, response) => {
    requests += 1;
    const contract = Object.values(CONTRACTS).find(({ basePath }) => request.url?.startsWith(`${basePath}/`));
    const fault = contract && faults.get(contract.forge);
    if (fault === 'hang') return;
    if (fault === 'reset') return void request.socket.resetAndDestroy();
    if (fault !== undefined && fault !== 'lost-answer') return send(response, fault);
    answerTo(request, contract).then(
      (answer) => {
        const isWrite = request.method !== 'GET' && !request.url!.includes('/app/');
        if (fault === 'lost-answer' && isWrite) return void request.socket.resetAndDestroy();
        if (answer.status >= 400) refusals.push(`${answer.status} ${JSON.stringify(answer.body)}`);
        send(response, answer);
      },
      (error: unknown) => send(response, { status: 500, body: { message: String(error) } }),
    );
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    origin,
    apiUrl: (forge) => `${origin}${CONTRACTS[forge].basePath}`,
    token,
    app,
    history,
    get requests() {
      return requests;
    },
    refusals,
    shown,
    fault: (answer, forge) => {
      for (const one of forge === undefined ? FORGES : [forge])
        if (answer === undefined) faults.delete(one);
        else faults.set(one, answer);
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function send(response: ServerResponse, { status, body, headers = {} }: ForgeAnswer): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

async function textOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('utf8');
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
