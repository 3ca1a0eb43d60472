import { HttpException } from '@nestjs/common';
import { BlobStoreError } from '../blobs/blob-store.port.ts';
import { Problem, Stopping } from './problem.ts';

export interface ErrorAnswer {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly data: Record<string, unknown>;
  /** Not the caller's doing: goes to the log with its stack, which the caller never sees. */
  readonly ours: boolean;
}

const CODES: Record<number, readonly [code: string, message: string]> = {
  400: ['bad-request', 'The request could not be read; check its JSON and its parameters.'],
  401: ['unauthorized', 'Sign in first, or send an API token.'],
  403: ['forbidden', 'You may not do this.'],
  404: ['not-found', 'There is nothing at this address.'],
  405: ['method-not-allowed', 'This address does not answer to this method.'],
  408: ['timeout', 'The request took too long to arrive.'],
  409: ['conflict', 'The thing changed meanwhile; reload and try again.'],
  413: ['too-large', 'The request body is too large.'],
  414: ['address-too-long', 'The address is too long.'],
  415: ['unsupported-media-type', 'Send application/json without content encoding.'],
  416: ['range', 'The range lies outside of what is stored.'],
  422: ['invalid', 'The request holds a value that is refused.'],
  429: ['too-many-requests', 'Too many requests; wait and try again.'],
  503: ['unavailable', 'The server is not ready; try again in a moment.'],
};

/** One shape for everything thrown. Only a Problem's own sentence is repeated to the caller; other texts may hold anything. */
export function errorAnswer(thrown: unknown): ErrorAnswer {
  const error = isOfClosedDatabase(thrown) ? new Stopping() : thrown;
  if (error instanceof Problem)
    return {
      status: error.status,
      code: error.code,
      message: error.message,
      data: error.data,
      ours: error.status >= 500 && !(error instanceof Stopping),
    };
  const status = statusOf(error);
  if (error instanceof BlobStoreError) {
    const answer = isOutOfRoom(error.cause) ? STORE_FULL : STORE_AWAY;
    return { ...answer, data: { retryAfterSeconds: RETRY_AFTER_SECONDS }, ours: true };
  }
  const trouble = databaseTrouble(error);
  if (trouble) return { status: 503, ...trouble, data: { retryAfterSeconds: RETRY_AFTER_SECONDS }, ours: true };
  const known = CODES[status];
  if (known && status < 500) return { status, code: known[0], message: known[1], data: {}, ours: false };
  if (known) return { status, code: known[0], message: known[1], data: {}, ours: true };
  return {
    status: 500,
    code: 'internal',
    message: 'The server ran into trouble of its own; the log has the request id.',
    data: {},
    ours: true,
  };
}

function statusOf(error: unknown): number {
  if (error instanceof HttpException) return error.getStatus();
  const status = (error as { statusCode?: unknown } | null)?.statusCode;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : 500;
}

/** A restart of the database takes as long, and no pool frees itself sooner. */
const RETRY_AFTER_SECONDS = 5;

const AWAY = {
  code: 'database-away',
  message: 'The database does not answer; try again in a moment.',
};
const BUSY = {
  code: 'database-busy',
  message: 'The database is too busy to answer in time; try again in a moment.',
};
const FULL = {
  code: 'database-full',
  message: 'The database has no room left to write; whoever operates this server must make some.',
};

/** By error code of the system or of PostgreSQL: what passes by itself, and with it the same request is answered. */
const TROUBLES: Readonly<Record<string, typeof AWAY>> = {
  ...Object.fromEntries(
    ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', '57P01', '57P02', '57P03', '08006', '08003'].map((code) => [
      code,
      AWAY,
    ]),
  ),
  // Statement and lock timeouts, serialisation failures and deadlocks after all their retries, no connection left, no memory.
  ...Object.fromEntries(['57014', '55P03', '40001', '40P01', '53300', '53200'].map((code) => [code, BUSY])),
  '53100': FULL,
};

const STORE_AWAY = {
  status: 503,
  code: 'storage-away',
  message: 'The store of logs and files does not answer; try again in a moment.',
};
const STORE_FULL = {
  status: 507,
  code: 'storage-full',
  message: 'The store of logs and files has no room left; whoever operates this server must make some.',
};

function isOutOfRoom(cause: unknown): boolean {
  return ['ENOSPC', 'EDQUOT'].includes((cause as { code?: string } | undefined)?.code ?? '');
}

/** The database is closed last of all: what asks it after that came too late. By their words, for they have no code. */
function isOfClosedDatabase(error: unknown): boolean {
  return (
    error instanceof Error &&
    /^driver has already been destroyed$|^Cannot use a pool after calling end on the pool$/.test(error.message)
  );
}

function databaseTrouble(error: unknown): typeof AWAY | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code } = error as { code?: string };
  if (code !== undefined && Object.hasOwn(TROUBLES, code)) return TROUBLES[code];
  if (/timeout exceeded when trying to connect/.test(error.message)) return BUSY;
  return /Connection terminated|Client has encountered a connection error/.test(error.message) ? AWAY : undefined;
}

export function errorBodyOf(answer: ErrorAnswer, requestId: string): Record<string, unknown> {
  return { ...answer.data, error: { code: answer.code, message: answer.message, requestId } };
}
