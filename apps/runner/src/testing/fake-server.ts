import { createHash, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { API_PREFIX, attemptResult, leaseGrant } from '@sluice/protocol';
import type { AttemptResult, LeaseGrant, ShellOrder } from '@sluice/protocol';
import type { StepReport } from '../server/runner-api.ts';

/** What the server knows of one attempt. */
export interface AttemptRecord {
  /** As it is granted, and granted again after a restart of the runner. */
  grant: LeaseGrant;
  resumed: number;
  epoch: number;
  started: number;
  renewals: number;
  /** Renewals after the result. */
  lateRenewals: number;
  cancel: boolean;
  steps: StepReport[];
  log: Buffer;
  reports: { file: string; xml: string }[];
  results: AttemptResult[];
  callsAfterLost: string[];
  /** Names of artifacts and keys of caches whose bytes arrived whole. */
  kept: string[];
  /** Its container, after the end. */
  readonly keeping: Keeping;
}

export interface Keeping {
  /** Answer to the question for how long; 0 = not at all. */
  seconds: number;
  asked: number;
  /** Handed out again and again until they are confirmed. */
  readonly orders: ShellOrder[];
  over: boolean;
  /** By shell: what it said, and why it closed. */
  readonly said: Map<string, { bytes: Buffer; closed?: string }>;
  /** Whether output is taken just now. */
  isRead: boolean;
  readonly ended: string[];
}

/** A file by the id that calls name; `url` leads to it. */
interface KeptFile {
  readonly name: string;
  readonly sha256: string;
  bytes: Buffer;
  kept: boolean;
}

export type Fault =
  /** The call is carried out, its answer never arrives. */
  | 'lose-answer'
  /** Nothing is carried out, the connection breaks. */
  | 'refuse'
  /** The call is carried out, its answer comes when this is settled. */
  | { readonly answerAfter: () => Promise<unknown> }
  | { readonly status: number; readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> };

export interface FakeServer {
  readonly url: URL;
  readonly attempts: Map<string, AttemptRecord>;
  readonly pollIds: string[];
  readonly drainingPolls: string[];
  /** Polls that are held open. A job given while a killed runner's poll is still among them goes to nobody. */
  openPolls: number;
  /** What the runner said keeps it from work. */
  readonly troubles: string[];
  readonly registrations: string[];
  /** Called for each request; what it returns happens to that request. */
  fault: (operation: string, times: number) => Fault | undefined;
  token: string;
  /** By id, which for caches is the key and for artifacts the name. */
  readonly files: Map<string, KeptFile>;
  give(grant: LeaseGrant): AttemptRecord;
  /** From now on the attempt's present epoch is stale. */
  loseLease(attemptId: string): void;
  stop(): Promise<void>;
}

/** The runner protocol over real HTTP, in memory, with faults on demand. */
export async function startFakeServer(): Promise<FakeServer> {
  const attempts = new Map<string, AttemptRecord>();
  const queue: LeaseGrant[] = [];
  const leased = new Map<string, LeaseGrant>();
  const times = new Map<string, number>();
  let wakeUp: (() => void)[] = [];
  let stopped = false;

  const server = createServer((request, response) => {
    void handle(request, response).catch((error: unknown) => {
      if (!response.headersSent)
        response
          .writeHead(500, { 'content-type': 'application/json' })
          .end(JSON.stringify({ error: { code: 'internal', message: String(error), requestId: 'x' } }));
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const self: FakeServer = {
    url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    attempts,
    pollIds: [],
    drainingPolls: [],
    openPolls: 0,
    troubles: [],
    registrations: [],
    fault: () => undefined,
    token: 'runner-token',
    files: new Map(),
    give: (grant) => {
      const record: AttemptRecord = {
        grant: leaseGrant.parse(grant),
        resumed: 0,
        epoch: grant.epoch,
        started: 0,
        renewals: 0,
        lateRenewals: 0,
        cancel: false,
        steps: [],
        log: Buffer.alloc(0),
        reports: [],
        results: [],
        callsAfterLost: [],
        kept: [],
        keeping: { seconds: 60, asked: 0, orders: [], over: false, said: new Map(), isRead: true, ended: [] },
      };
      attempts.set(grant.attemptId, record);
      queue.push(leaseGrant.parse(grant));
      wake();
      return record;
    },
    loseLease: (attemptId) => {
      const record = attempts.get(attemptId);
      if (record !== undefined) record.epoch++;
    },
    stop: () =>
      new Promise<void>((done) => {
        stopped = true;
        wake();
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
  return self;

  function wake(): void {
    const waiting = wakeUp;
    wakeUp = [];
    for (const one of waiting) one();
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', self.url);
    const path = url.pathname.replace(`${API_PREFIX}/runner/`, '');
    const [, attemptId = '', tail = ''] = /^attempts\/([^/]+)\/(\w+(?:\/\w+)?)$/.exec(path) ?? [];
    const operation = path.startsWith('blobs/') ? `blob-${request.method ?? ''}` : tail === '' ? path : tail;
    const body = await readAll(request);
    const count = (times.get(operation) ?? 0) + 1;
    times.set(operation, count);
    const fault = self.fault(operation, count);
    if (fault === 'refuse') return void request.socket.destroy();
    if (typeof fault === 'object' && 'status' in fault)
      return send(
        response,
        fault.status,
        fault.body ?? { error: { code: 'unavailable', message: 'Not now.', requestId: 'x' } },
        fault.headers,
      );
    const answer = await carryOut(operation, attemptId, url, body, request, response);
    if (fault === 'lose-answer') return void request.socket.destroy();
    if (typeof fault === 'object') await fault.answerAfter();
    if (Buffer.isBuffer(answer.body)) response.writeHead(answer.status).end(answer.body);
    else if (!response.destroyed) send(response, answer.status, answer.body);
  }

  async function carryOut(
    operation: string,
    attemptId: string,
    url: URL,
    body: Buffer,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<Answer> {
    const input =
      operation === 'log' || operation.startsWith('blob-')
        ? {}
        : (JSON.parse(body.toString()) as Record<string, unknown>);
    if (operation === 'register') {
      self.registrations.push(String(input['token']));
      return { status: 200, body: { runnerId: randomUUID(), token: self.token, pool: 'default', labels: [] } };
    }
    if (request.headers.authorization !== `Bearer ${self.token}`)
      return refusal(401, 'unauthorized', 'The runner token is not known.');
    if (typeof input['trouble'] === 'string') self.troubles.push(input['trouble']);
    if (operation.startsWith('blob-')) return blob(url, body, request);
    if (operation === 'poll') return poll(String(input['pollId']), input['draining'] === true, response);
    const record = attempts.get(attemptId);
    if (record === undefined) return refusal(404, 'not-found', 'There is no such attempt.');
    const epoch = operation === 'log' ? Number(url.searchParams.get('epoch')) : input['epoch'];
    if (epoch !== record.epoch) {
      record.callsAfterLost.push(operation);
      return LEASE_LOST;
    }
    if (operation === 'keep/orders') return shellOrders(record.keeping, Number(input['after']), response);
    return onLease(operation, record, url, body, input);
  }

  async function shellOrders(keeping: Keeping, after: number, response: ServerResponse): Promise<Answer> {
    const found = () => keeping.orders.filter(({ sequence }) => sequence > after);
    while (!stopped && !keeping.over && found().length === 0 && !response.destroyed)
      await new Promise<void>((resolve) => {
        wakeUp.push(resolve);
        setTimeout(resolve, 20).unref();
      });
    return { status: 200, body: { over: keeping.over, orders: found() } };
  }

  function onLease(
    operation: string,
    record: AttemptRecord,
    url: URL,
    body: Buffer,
    input: Record<string, unknown>,
  ): Answer {
    switch (operation) {
      case 'start':
        record.started++;
        return OK;
      case 'resume':
        record.resumed++;
        return {
          status: 200,
          body: { lease: { ...record.grant, log: { ...record.grant.log, length: record.log.length } } },
        };
      case 'renew':
        if (record.results.length > 0) {
          record.lateRenewals++;
          return LEASE_LOST;
        }
        record.renewals++;
        return { status: 200, body: { expiresAt: new Date().toISOString(), cancel: record.cancel } };
      case 'steps':
        record.steps = input['steps'] as StepReport[];
        return OK;
      case 'reports':
        record.reports.push({ file: String(input['file']), xml: String(input['xml']) });
        return { status: 200, body: { passed: 1, failed: 0, skipped: 0 } };
      case 'result': {
        const result = attemptResult.parse(input['result']);
        const [first] = record.results;
        if (first !== undefined && JSON.stringify(first) !== JSON.stringify(result))
          return refusal(409, 'result-conflict', 'Another result is stored.');
        record.results.push(result);
        return OK;
      }
      case 'artifacts':
        return upload(String(input['name']), String(input['sha256']));
      case 'caches':
        return upload(cacheKeyOf(input), String(input['sha256']));
      case 'artifacts/keep':
      case 'caches/keep': {
        const name = nameOf(String(input['id']));
        const file = self.files.get(name);
        if (file === undefined || sha256Of(file.bytes) !== file.sha256) {
          self.files.delete(name);
          return refusal(422, 'stored-bytes-differ', 'Other bytes arrived.');
        }
        file.kept = true;
        record.kept.push(name);
        return OK;
      }
      case 'artifacts/use':
        return { status: 200, body: { url: `${API_PREFIX}/runner/blobs/${nameOf(String(input['id']))}` } };
      case 'caches/find': {
        const key = cacheKeyOf(input);
        const file = self.files.get(key);
        const { length } = file?.bytes ?? Buffer.alloc(0);
        const url = `${API_PREFIX}/runner/blobs/${key}`;
        const found = file?.kept === true ? { key, exact: true, length, sha256: file.sha256, url } : null;
        return { status: 200, body: { key, found } };
      }
      case 'keep':
        record.keeping.asked++;
        return { status: 200, body: { seconds: record.keeping.seconds } };
      case 'keep/output':
        return shellOutput(record.keeping, input);
      case 'keep/ended':
        record.keeping.ended.push(String(input['why']));
        return OK;
      case 'log':
        return append(record, Number(url.searchParams.get('offset')), body);
      default:
        return refusal(404, 'not-found', `No ${operation}.`);
    }
  }

  function upload(name: string, sha256: string): Answer {
    const known = self.files.get(name);
    const id = idOf(name);
    if (known?.kept === true && known.sha256 === sha256) return { status: 200, body: { id, link: null } };
    self.files.set(name, { name, sha256, bytes: Buffer.alloc(0), kept: false });
    const link = { url: `${API_PREFIX}/runner/blobs/${name}`, headers: {}, partBytes: 1_000 };
    return { status: 200, body: { id, link } };
  }

  function blob(url: URL, body: Buffer, request: IncomingMessage): Answer {
    const file = self.files.get(url.pathname.split('/').at(-1) ?? '');
    if (file === undefined) return refusal(404, 'not-found', 'No such file.');
    if (request.method === 'GET') return { status: 200, body: file.bytes };
    const from = Number(/^bytes (\d+)-/.exec(String(request.headers['content-range']))?.[1]);
    file.bytes = Buffer.concat([file.bytes.subarray(0, from), body]);
    return { status: 204, body: undefined };
  }

  async function poll(pollId: string, draining: boolean, response: ServerResponse): Promise<Answer> {
    self.pollIds.push(pollId);
    if (draining) self.drainingPolls.push(pollId);
    const known = leased.get(pollId);
    if (known !== undefined) return { status: 200, body: { lease: known } };
    const until = performance.now() + 15_000;
    self.openPolls++;
    response.once('close', wake);
    while (!stopped && !draining && queue.length === 0 && !response.destroyed && performance.now() < until) {
      await new Promise<void>((resolve) => {
        wakeUp.push(resolve);
        setTimeout(resolve, 200).unref();
      });
    }
    self.openPolls--;
    const grant = response.destroyed || draining ? undefined : queue.shift();
    if (grant !== undefined) leased.set(pollId, grant);
    return { status: 200, body: { lease: grant ?? null } };
  }
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}
/** As the contract's declared errors look. */
const LEASE_LOST: Answer = {
  status: 409,
  body: { defined: true, code: 'CONFLICT', status: 409, message: 'The lease is lost.', data: { code: 'lease-lost' } },
};
const OK: Answer = { status: 200, body: { ok: true } };

/** Ids are UUIDs on the wire; here they carry the name. */
const names = new Map<string, string>();
function idOf(name: string): string {
  const id = randomUUID();
  names.set(id, name);
  return id;
}
function nameOf(id: string): string {
  return names.get(id) ?? id;
}
function cacheKeyOf(input: Record<string, unknown>): string {
  return `cache-${String(input['index'])}-${String(input['filesHash'])}`;
}
function sha256Of(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function refusal(status: number, code: string, message: string): Answer {
  return { status, body: { error: { code, message, requestId: 'test' } } };
}

function shellOutput(keeping: Keeping, input: Record<string, unknown>): Answer {
  if (!keeping.isRead) return { status: 200, body: { taken: false } };
  const shellId = String(input['shellId']);
  const shell = keeping.said.get(shellId) ?? { bytes: Buffer.alloc(0) };
  const fresh = Buffer.from(String(input['data']), 'base64').subarray(shell.bytes.length - Number(input['offset']));
  keeping.said.set(shellId, {
    bytes: Buffer.concat([shell.bytes, fresh]),
    ...(typeof input['closed'] === 'string' ? { closed: input['closed'] } : {}),
  });
  return { status: 200, body: { taken: true } };
}

/** As F23 has it: equal overlap is welcome, other bytes are a conflict, a gap names the length. */
function append(record: AttemptRecord, offset: number, bytes: Buffer): Answer {
  if (offset > record.log.length)
    return {
      status: 416,
      body: { error: { code: 'log-gap', message: 'A gap.', requestId: 'x' }, length: record.log.length },
    };
  const overlap = record.log.subarray(offset, offset + bytes.length);
  if (!overlap.equals(bytes.subarray(0, overlap.length))) return refusal(409, 'log-conflict', 'Other bytes lie there.');
  record.log = Buffer.concat([record.log, bytes.subarray(overlap.length)]);
  return { status: 200, body: { length: record.log.length } };
}

function send(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  response
    .writeHead(status, { 'content-type': 'application/json', ...headers })
    .end(status === 204 ? undefined : JSON.stringify(body));
}

async function readAll(request: IncomingMessage): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of request) parts.push(part as Uint8Array);
  return Buffer.concat(parts);
}
