import { createHash } from 'node:crypto';
import { Agent, createServer, request as send, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Acknowledged } from './history.ts';

export interface RunnerRecorder {
  readonly port: number;
  stop(): Promise<void>;
}

const CALL = /^\/api\/v1\/runner\/attempts\/([^/]+)\/(log|result|keep)(?:\?(.*))?$/;

/**
 * Stands directly in front of one runner, before anything that breaks connections: what passes here with 200 is what this runner was
 * told, and from then on the server is held to it.
 */
export async function recordRunnerCalls(
  serverPort: number,
  record: (call: Acknowledged) => void,
): Promise<RunnerRecorder> {
  const agent = new Agent({ keepAlive: true });
  const server = createServer((incoming, answer) => void pass(incoming, answer, serverPort, agent, record));
  server.requestTimeout = 0;
  await new Promise<void>((started, failed) => server.once('error', failed).listen(0, '127.0.0.1', started));
  return {
    port: (server.address() as AddressInfo).port,
    stop: () =>
      new Promise((stopped) => {
        server.close(() => stopped());
        server.closeAllConnections();
        agent.destroy();
      }),
  };
}

async function pass(
  incoming: IncomingMessage,
  answer: ServerResponse,
  port: number,
  agent: Agent,
  record: (call: Acknowledged) => void,
): Promise<void> {
  // Either side's end is the other's, so that a server learns of a runner that is gone.
  incoming.on('error', () => answer.destroy());
  const sent = await bytesOf(incoming).catch(() => undefined);
  if (sent === undefined) return;
  const { method, url = '/', headers } = incoming;
  const outgoing = send({ host: '127.0.0.1', port, agent, method, path: url, headers }, (received) => {
    bytesOf(received).then(
      (told) => {
        const call = received.statusCode === 200 ? acknowledged(url, sent, told) : undefined;
        if (call !== undefined && !answer.destroyed) record(call);
        answer.writeHead(received.statusCode ?? 502, received.headers).end(told);
      },
      () => answer.destroy(),
    );
  });
  outgoing.on('error', () => answer.destroy());
  answer.on('close', () => void (answer.writableFinished || outgoing.destroy()));
  outgoing.end(sent);
}

function acknowledged(url: string, sent: Buffer, told: Buffer): Acknowledged | undefined {
  const [, attempt, what, query] = CALL.exec(url) ?? [];
  if (attempt === undefined) return undefined;
  if (what === 'log') {
    const offset = Number(new URLSearchParams(query).get('offset'));
    return { kind: 'log', attempt, offset, length: sent.length, sha256: sha256Of(sent) };
  }
  if (what === 'keep') {
    const { seconds } = JSON.parse(told.toString('utf8')) as { seconds: number };
    return seconds > 0 ? { kind: 'keep', attempt } : undefined;
  }
  const { epoch, result } = JSON.parse(sent.toString('utf8')) as {
    epoch: number;
    result: { outcome: string; log: { sha256: string } };
  };
  return { kind: 'result', attempt, epoch, outcome: result.outcome, logSha256: result.log.sha256 };
}

async function bytesOf(stream: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

function sha256Of(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
