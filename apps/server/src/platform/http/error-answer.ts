import { HttpException } from '@nestjs/common';
import { Problem } from './problem.ts';

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
export function errorAnswer(error: unknown): ErrorAnswer {
  if (error instanceof Problem)
    return {
      status: error.status,
      code: error.code,
      message: error.message,
      data: error.data,
      ours: error.status >= 500,
    };
  const status = statusOf(error);
  if (isDatabaseAway(error)) {
    return {
      status: 503,
      code: 'database-away',
      message: 'The database does not answer; try again in a moment.',
      data: {},
      ours: true,
    };
  }
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

const AWAY = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', '57P01', '57P02', '57P03', '08006', '08003', '53300']);

function isDatabaseAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = (error as { code?: string }).code;
  return (
    (code !== undefined && AWAY.has(code)) ||
    /Connection terminated|timeout exceeded when trying to connect/.test(error.message)
  );
}

export function errorBodyOf(answer: ErrorAnswer, requestId: string): Record<string, unknown> {
  return { ...answer.data, error: { code: answer.code, message: answer.message, requestId } };
}
