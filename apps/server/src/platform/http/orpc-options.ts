import { Logger } from '@nestjs/common';
import { ORPCError, type ORPCModuleConfig } from '@orpc/nest';
import type { FastifyRequest } from 'fastify';
import { errorAnswer, errorBodyOf, type ErrorAnswer } from './error-answer.ts';
import { Problem } from './problem.ts';

const log = new Logger('http');
/** Carries the answer from the place that knows the error to the place that knows the request. */
const answers = new WeakMap<object, ErrorAnswer>();
const ANSWER_KEY = 'sluiceAnswer';

interface Issue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { key: PropertyKey })[];
}

/**
 * How contract routes answer. Errors that the contract declares keep the shape oRPC clients expect; everything else becomes
 * `{ error: { code, message, requestId } }`. Unknown keys of a body are refused, so that nobody believes they had an effect (A78).
 */
export const orpcOptions: ORPCModuleConfig = {
  interceptors: [
    async (options) => {
      const { inputSchema, errorMap } = options.procedure['~orpc'];
      try {
        refuseUnknownKeys(options.input, inputSchema);
        refuseBrokenText(options.input, []);
        return await options.next();
      } catch (error) {
        if (error instanceof ORPCError && Object.hasOwn(errorMap, error.code)) throw error;
        throw declared(error, errorMap) ?? carried(answerOf(error));
      }
    },
  ],
  customErrorResponseBodyEncoder: (error) => {
    const answer = answers.get(error) ?? (error.defined ? undefined : answerOf(error));
    return answer === undefined ? undefined : { [ANSWER_KEY]: answer };
  },
  sendResponseInterceptors: [
    async (options) => {
      const body = options.standardResponse.body as Record<string, unknown> | undefined;
      const answer = body?.[ANSWER_KEY] as ErrorAnswer | undefined;
      if (answer !== undefined) {
        const request = options.request as FastifyRequest;
        if (answer.ours)
          log.error(
            { requestId: request.id, route: request.routeOptions.url, code: answer.code },
            'answered with an error of our own',
          );
        const retryAfter = answer.data['retryAfterSeconds'];
        options.standardResponse = {
          ...options.standardResponse,
          headers: {
            ...options.standardResponse.headers,
            ...(typeof retryAfter === 'number' ? { 'retry-after': String(retryAfter) } : {}),
          },
          body: errorBodyOf(answer, request.id),
        };
      }
      return options.next(options);
    },
  ],
};

function answerOf(error: unknown): ErrorAnswer {
  if (error instanceof ORPCError) {
    const issues = (error.data as { issues?: readonly Issue[] } | undefined)?.issues;
    if (error.status === 400 && issues) return errorAnswer(new Problem(400, 'bad-request', sentenceOf(issues)));
    if (error.status < 500)
      return errorAnswer(new Problem(error.status, error.code.toLowerCase().replaceAll('_', '-'), error.message));
    return logged(errorAnswer(error.cause), error.cause ?? error);
  }
  return logged(errorAnswer(error), error);
}

function logged(answer: ErrorAnswer, error: unknown): ErrorAnswer {
  if (answer.ours) log.error({ err: error }, 'a contract route failed');
  return answer;
}

function carried(answer: ErrorAnswer): ORPCError<string, unknown> {
  const error = new ORPCError<string, unknown>(answer.code, { status: answer.status, message: answer.message });
  answers.set(error, answer);
  return error;
}

/** A Problem whose status the contract declares is sent in the declared shape, with its code as `data.code`. */
function declared(
  error: unknown,
  errorMap: Record<string, { status?: number } | undefined>,
): ORPCError<string, unknown> | undefined {
  if (!(error instanceof Problem)) return undefined;
  const entry = Object.entries(errorMap).find(([, definition]) => definition?.status === error.status);
  if (!entry) return undefined;
  return new ORPCError(entry[0], {
    status: error.status,
    message: error.message,
    data: { code: error.code, ...error.data },
  });
}

function sentenceOf(issues: readonly Issue[]): string {
  const named = issues.slice(0, 5).map((issue) => {
    const path = (issue.path ?? []).map((part) => String(typeof part === 'object' ? part.key : part)).join('.');
    return path === '' ? issue.message : `${path}: ${issue.message}`;
  });
  const more = issues.length > 5 ? ` (and ${issues.length - 5} more)` : '';
  return `${named.join('; ')}${more}.`;
}

function refuseUnknownKeys(input: unknown, schema: unknown): void {
  const shape = (schema as { shape?: Record<string, unknown> } | undefined)?.shape;
  if (shape === undefined || typeof input !== 'object' || input === null || Array.isArray(input)) return;
  const unknown = Object.keys(input).filter((key) => !Object.hasOwn(shape, key));
  if (unknown.length === 0) return;
  throw new Problem(
    400,
    'unknown-field',
    `${unknown.slice(0, 5).join(', ')}: not a field of this request; known are ${Object.keys(shape).join(', ')}.`,
  );
}

/** NUL and half characters: no name or note needs them, and the database cannot hold them. */
function refuseBrokenText(value: unknown, path: readonly string[]): void {
  if (typeof value === 'string') {
    if (!value.includes('\0') && value.isWellFormed()) return;
    throw new Problem(
      400,
      'broken-text',
      `${path.join('.') || 'input'}: holds NUL or half of a character; leave it out.`,
    );
  }
  // Deeper than any request of ours; what lies there is refused by its schema.
  if (typeof value !== 'object' || value === null || path.length > 8) return;
  for (const [key, part] of Object.entries(value)) refuseBrokenText(part, [...path, key]);
}
