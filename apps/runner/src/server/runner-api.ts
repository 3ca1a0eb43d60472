import type { z } from 'zod';
import { API_PREFIX, LONGEST_TROUBLE, RUNNER_PROTOCOL, runnerContract } from '@sluice/protocol';
import type { AttemptResult, FoundCache, KeepEnd, LeaseGrant, ShellOrder, stepReport, Upload } from '@sluice/protocol';
import { LeaseLost, ServerUnreachable, toError } from './server-answer.ts';

export type StepReport = z.infer<typeof stepReport>;
/** Names one grant of one attempt in every call. */
export interface LeaseKey {
  readonly attemptId: string;
  readonly epoch: number;
}
/** A cache of the job by its place in the definition. */
export interface CacheName {
  readonly index: number;
  readonly filesHash: string | null;
}
export type LogAppend =
  | { readonly kind: 'appended'; readonly length: number }
  /** The server holds `length` bytes: go on from there. */
  | { readonly kind: 'resync'; readonly length: number }
  /** The server holds other bytes at that place and names no length. */
  | { readonly kind: 'conflict' };

/** Longest silence that is waited for (F19): a peer that vanished is noticed within 30 s. */
const CALL_DEADLINE_MS = 20_000;
const LOOK_DEADLINE_MS = 120_000;
export const POLL_WAIT_SECONDS = 20;
const POLL_DEADLINE_MS = (POLL_WAIT_SECONDS + 8) * 1000;

/**
 * The runner protocol over HTTP. Every call ends in one of: the typed answer, {@link ServerUnreachable} (repeat with the same
 * content), {@link LeaseLost} (stop everything), `ServerRefusal` (do not repeat), or the caller's own abort.
 */
export class RunnerApi {
  readonly #base: string;
  readonly #version: string;
  readonly #host: boolean;
  #token: string;

  /** `host`: polls announce that jobs are taken on the machine itself. */
  constructor(serverUrl: URL, token: string, version: string, { host = false }: { readonly host?: boolean } = {}) {
    this.#base = `${serverUrl.href.replace(/\/$/, '')}${API_PREFIX}`;
    this.#token = token;
    this.#version = version;
    this.#host = host;
  }

  /** Where calls go to, with the prefix of the API. */
  get base(): string {
    return this.#base;
  }
  get token(): string {
    return this.#token;
  }

  useToken(token: string): void {
    this.#token = token;
  }

  register(token: string, name: string): Promise<{ runnerId: string; token: string; pool: string; labels: string[] }> {
    return this.#call(runnerContract.register, '/runner/register', {
      token,
      name,
      protocol: RUNNER_PROTOCOL,
      version: this.#version,
    });
  }

  async poll(
    pollId: string,
    slots: number,
    { signal, draining = false, trouble }: { signal?: AbortSignal; draining?: boolean; trouble?: string } = {},
  ): Promise<LeaseGrant | null> {
    const body = {
      pollId,
      slots,
      waitSeconds: draining ? 0 : POLL_WAIT_SECONDS,
      protocol: RUNNER_PROTOCOL,
      draining,
      ...(this.#host ? { host: true } : {}),
      ...(trouble === undefined ? {} : { trouble: trouble.slice(0, LONGEST_TROUBLE) }),
    };
    const { lease } = await this.#call(runnerContract.poll, '/runner/poll', body, {
      deadlineMs: POLL_DEADLINE_MS,
      signal,
    });
    return lease;
  }

  async start({ attemptId, epoch }: LeaseKey, signal?: AbortSignal): Promise<void> {
    await this.#call(runnerContract.start, `/runner/attempts/${attemptId}/start`, { epoch }, { signal });
  }

  /** What a lease that this runner holds was granted with, after a restart. */
  async resume({ attemptId, epoch }: LeaseKey, signal?: AbortSignal): Promise<LeaseGrant> {
    const path = `/runner/attempts/${attemptId}/resume`;
    const { lease } = await this.#call(runnerContract.resume, path, { epoch }, { signal });
    return lease;
  }

  async steps({ attemptId, epoch }: LeaseKey, steps: readonly StepReport[], signal?: AbortSignal): Promise<void> {
    await this.#call(runnerContract.steps, `/runner/attempts/${attemptId}/steps`, { epoch, steps }, { signal });
  }

  report(
    { attemptId, epoch }: LeaseKey,
    file: string,
    xml: string,
    signal?: AbortSignal,
  ): Promise<{ passed: number; failed: number; skipped: number }> {
    return this.#call(runnerContract.report, `/runner/attempts/${attemptId}/reports`, { epoch, file, xml }, { signal });
  }

  leaveArtifact(
    { attemptId, epoch }: LeaseKey,
    artifact: { name: string; files: number; length: number; sha256: string },
    signal: AbortSignal,
  ): Promise<Upload> {
    const path = `/runner/attempts/${attemptId}/artifacts`;
    return this.#call(runnerContract.leaveArtifact, path, { epoch, ...artifact }, { signal });
  }

  /** The server may have to read the file back: it takes its time. */
  async keepArtifact({ attemptId, epoch }: LeaseKey, id: string, signal: AbortSignal): Promise<void> {
    const path = `/runner/attempts/${attemptId}/artifacts/keep`;
    await this.#call(runnerContract.keepArtifact, path, { epoch, id }, { signal, deadlineMs: LOOK_DEADLINE_MS });
  }

  useArtifact({ attemptId, epoch }: LeaseKey, id: string, signal: AbortSignal): Promise<{ url: string }> {
    const path = `/runner/attempts/${attemptId}/artifacts/use`;
    return this.#call(runnerContract.useArtifact, path, { epoch, id }, { signal });
  }

  findCache(
    { attemptId, epoch }: LeaseKey,
    cache: CacheName,
    signal: AbortSignal,
  ): Promise<{ key: string; found: FoundCache | null }> {
    const path = `/runner/attempts/${attemptId}/caches/find`;
    return this.#call(runnerContract.findCache, path, { epoch, ...cache }, { signal });
  }

  leaveCache(
    { attemptId, epoch }: LeaseKey,
    cache: CacheName & { length: number; sha256: string },
    signal: AbortSignal,
  ): Promise<Upload> {
    const path = `/runner/attempts/${attemptId}/caches`;
    return this.#call(runnerContract.leaveCache, path, { epoch, ...cache }, { signal });
  }

  async keepCache({ attemptId, epoch }: LeaseKey, id: string, signal: AbortSignal): Promise<void> {
    const path = `/runner/attempts/${attemptId}/caches/keep`;
    await this.#call(runnerContract.keepCache, path, { epoch, id }, { signal, deadlineMs: LOOK_DEADLINE_MS });
  }

  /** A link as the protocol has it: a path leads to the server and needs the token, which goes nowhere else. */
  opened(url: string): { readonly url: string; readonly headers: Record<string, string> } {
    if (!url.startsWith('/')) return { url, headers: {} };
    return {
      url: this.#base.slice(0, -API_PREFIX.length) + url,
      headers: { authorization: `Bearer ${this.#token}` },
    };
  }

  async result({ attemptId, epoch }: LeaseKey, result: AttemptResult, signal?: AbortSignal): Promise<void> {
    await this.#call(runnerContract.result, `/runner/attempts/${attemptId}/result`, { epoch, result }, { signal });
  }

  /** Seconds for which the container of a failed job is to be kept; 0 = it is not. */
  async keep({ attemptId, epoch }: LeaseKey, signal: AbortSignal): Promise<number> {
    const path = `/runner/attempts/${attemptId}/keep`;
    const { seconds } = await this.#call(runnerContract.keep, path, { epoch }, { signal });
    return seconds;
  }

  shellOrders(
    { attemptId, epoch }: LeaseKey,
    after: number,
    signal: AbortSignal,
  ): Promise<{ over: boolean; orders: ShellOrder[] }> {
    const path = `/runner/attempts/${attemptId}/keep/orders`;
    const body = { epoch, after, waitSeconds: POLL_WAIT_SECONDS };
    return this.#call(runnerContract.shellOrders, path, body, { deadlineMs: POLL_DEADLINE_MS, signal });
  }

  /** False: nobody has read what came before; ask again in a moment. */
  async shellOutput(
    { attemptId, epoch }: LeaseKey,
    { shellId, offset, bytes, closed }: { shellId: string; offset: number; bytes: Uint8Array; closed?: string },
    signal: AbortSignal,
  ): Promise<boolean> {
    const path = `/runner/attempts/${attemptId}/keep/output`;
    const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
    const body = { epoch, shellId, offset, data, ...(closed === undefined ? {} : { closed: closed.slice(0, 300) }) };
    const { taken } = await this.#call(runnerContract.shellOutput, path, body, { signal });
    return taken;
  }

  async keepEnded({ attemptId, epoch }: LeaseKey, why: KeepEnd, signal: AbortSignal): Promise<void> {
    const path = `/runner/attempts/${attemptId}/keep/ended`;
    await this.#call(runnerContract.keepEnded, path, { epoch, why }, { signal });
  }

  /** Raw bytes at an offset. Bytes that the server has already are welcome again when they are equal. */
  async appendLog(
    { attemptId, epoch }: LeaseKey,
    offset: number,
    bytes: Uint8Array,
    signal?: AbortSignal,
  ): Promise<LogAppend> {
    const path = `/runner/attempts/${attemptId}/log?offset=${offset}&epoch=${epoch}`;
    const { status, body, retryAfterMs } = await this.#send(path, bytes, 'application/octet-stream', { signal });
    const length = lengthOf(body);
    if (status === 200 && length !== undefined) return { kind: 'appended', length };
    if (status === 416 && length !== undefined) return { kind: 'resync', length };
    const error = toError(status, body, retryAfterMs);
    if (status === 409 && !(error instanceof LeaseLost))
      return length === undefined ? { kind: 'conflict' } : { kind: 'resync', length };
    throw status === 200 ? new ServerUnreachable('The answer to a log chunk names no length') : error;
  }

  async #call<Route extends (typeof runnerContract)[keyof typeof runnerContract]>(
    route: Route,
    path: string,
    input: object,
    options: CallOptions = {},
  ): Promise<OutputOf<Route>> {
    const { status, body, retryAfterMs } = await this.#send(path, JSON.stringify(input), 'application/json', options);
    if (status < 200 || status > 299) throw toError(status, body, retryAfterMs);
    const output = (route['~orpc'].outputSchema as unknown as z.ZodType<OutputOf<Route>>).safeParse(body);
    if (output.success) return output.data;
    const place = output.error.issues[0];
    throw new ServerUnreachable(
      `The answer of ${path} is not what protocol ${RUNNER_PROTOCOL} says: ${place?.path.join('.') ?? ''} ${place?.message ?? ''}`,
    );
  }

  async #send(
    path: string,
    body: string | Uint8Array,
    type: string,
    { deadlineMs = CALL_DEADLINE_MS, signal }: CallOptions,
  ): Promise<{ status: number; body: unknown; retryAfterMs: number }> {
    const deadline = AbortSignal.timeout(deadlineMs);
    try {
      const response = await fetch(this.#base + path, {
        method: 'POST',
        headers: { 'content-type': type, ...(this.#token === '' ? {} : { authorization: `Bearer ${this.#token}` }) },
        body: body as string | Uint8Array<ArrayBuffer>,
        redirect: 'error',
        signal: signal === undefined ? deadline : AbortSignal.any([deadline, signal]),
      });
      const text = await response.text();
      const seconds = Number(response.headers.get('retry-after') ?? 0);
      return { status: response.status, body: parse(text), retryAfterMs: seconds > 0 ? seconds * 1000 : 0 };
    } catch (cause) {
      if (signal?.aborted) throw cause;
      throw new ServerUnreachable(`No answer from the server to ${path.split('?')[0]}: ${reasonOf(cause)}`, { cause });
    }
  }
}

interface CallOptions {
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal | undefined;
}
type OutputOf<Route> = Route extends { '~orpc': { outputSchema: infer Schema } }
  ? NonNullable<Schema> extends z.ZodType<infer Output>
    ? Output
    : never
  : never;

function parse(text: string): unknown {
  try {
    return text === '' ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

function lengthOf(body: unknown): number | undefined {
  const length =
    (body as { length?: unknown } | undefined)?.length ??
    (body as { data?: { length?: unknown } } | undefined)?.data?.length;
  return typeof length === 'number' && Number.isSafeInteger(length) && length >= 0 ? length : undefined;
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  const inner = cause.cause instanceof Error ? cause.cause.message : '';
  return inner === '' ? cause.message : `${cause.message} (${inner})`;
}
