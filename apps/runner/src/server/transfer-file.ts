import { createHash } from 'node:crypto';
import { createWriteStream, openAsBlob } from 'node:fs';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Upload } from '@sluice/protocol';
import type { RunnerApi } from './runner-api.ts';
import { ServerUnreachable } from './server-answer.ts';

export interface KnownBytes {
  readonly length: number;
  /** Hex. */
  readonly sha256: string;
}

/** At least this much gets through in a second; a transfer that is slower has broken down. */
const SLOWEST_BYTES_PER_SECOND = 64 * 1024;
const LEAST_MS = 60_000;

/**
 * A file to where a link leads: at once to a store, in parts to the server. Throws `ServerUnreachable` for every trouble: with a new link it may be
 * tried again from the start.
 */
export async function sendFile(
  api: Pick<RunnerApi, 'opened'>,
  { url, headers, partBytes }: NonNullable<Upload['link']>,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  const file = await openAsBlob(path);
  const to = api.opened(url);
  // Said by the client itself, from the body.
  const { 'content-length': _, ...given } = headers;
  const put = (body: Blob, more: Record<string, string>) =>
    answered(to.url, { method: 'PUT', headers: { ...to.headers, ...given, ...more }, body }, body.size, signal);
  if (partBytes === null) {
    await (await put(file, {})).arrayBuffer();
    return;
  }
  for (let from = 0; from < file.size; from += partBytes) {
    const part = file.slice(from, from + partBytes);
    const range = `bytes ${from}-${from + part.size - 1}/${file.size}`;
    const answer = await put(part, { 'content-type': 'application/octet-stream', 'content-range': range });
    await answer.arrayBuffer();
  }
}

/** What a link leads to, as a file. Bytes other than the known ones are trouble as well: they were cut or changed on the way. */
export async function fetchFile(
  api: Pick<RunnerApi, 'opened'>,
  url: string,
  path: string,
  { length, sha256 }: KnownBytes,
  signal: AbortSignal,
): Promise<void> {
  const from = api.opened(url);
  const answer = await answered(from.url, { headers: from.headers }, length, signal);
  const hash = createHash('sha256');
  let received = 0;
  const count = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      received += chunk.length;
      hash.update(chunk);
      done(received > length ? new Error('more bytes than expected') : null, chunk);
    },
  });
  try {
    if (answer.body === null) throw new Error('no bytes');
    await pipeline(Readable.fromWeb(answer.body), count, createWriteStream(path, { mode: 0o600 }), { signal });
  } catch (cause) {
    if (signal.aborted) throw cause;
    throw new ServerUnreachable(`The file did not arrive whole: ${reasonOf(cause)}`, { cause });
  }
  if (received !== length || hash.digest('hex') !== sha256)
    throw new ServerUnreachable('The file that arrived has another length or SHA-256 than the one that was kept');
}

async function answered(url: string, init: RequestInit, bytes: number, signal: AbortSignal): Promise<Response> {
  const deadline = AbortSignal.timeout(LEAST_MS + Math.ceil(bytes / SLOWEST_BYTES_PER_SECOND) * 1000);
  try {
    const answer = await fetch(url, { ...init, redirect: 'error', signal: AbortSignal.any([deadline, signal]) });
    if (answer.ok) return answer;
    await answer.body?.cancel();
    throw new Error(`it answered ${answer.status}`);
  } catch (cause) {
    if (signal.aborted) throw cause;
    // Not the whole address: what comes after the path is as good as a key.
    throw new ServerUnreachable(`The file store ${new URL(url).origin} did not do its part: ${reasonOf(cause)}`, {
      cause,
    });
  }
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  return cause.cause instanceof Error ? `${cause.message} (${cause.cause.message})` : cause.message;
}
