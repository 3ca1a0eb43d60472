/**
 * An expected refusal that the caller is told about: one clear sentence with the remedy, never a stack or a secret.
 * Mapped in one place to `{ error: { code, message, requestId } }` with `status`.
 */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly status: number;
  readonly code: string;
  readonly data: Record<string, unknown>;
  constructor(status: number, code: string, message: string, data: Record<string, unknown> = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.data = data;
  }
}

/** Another server, or this one when it is back, answers the same request. Nobody's trouble: it is not logged as an error. */
export class Stopping extends Problem {
  constructor() {
    super(503, 'stopping', 'This server is being stopped; ask again in a moment.', { retryAfterSeconds: 1 });
  }
}

/** 404 also for things the caller may not know of. */
export function notFound(what: string): Problem {
  return new Problem(404, 'not-found', `${what} does not exist, or you may not see it.`);
}

/** 404 for what has a limited time; the same sentence whether it ever was there or not. */
export function notFoundOrRemoved(what: string): Problem {
  return new Problem(404, 'not-found', `${what} does not exist, was removed by retention, or you may not see it.`);
}

export function conflict(code: string, message: string, data: Record<string, unknown> = {}): Problem {
  return new Problem(409, code, message, data);
}

export function forbidden(code: string, message: string): Problem {
  return new Problem(403, code, message);
}

export function invalid(message: string, code = 'invalid'): Problem {
  return new Problem(422, code, message);
}

/** 410 for what retention has removed: the sentence says what, when and why. */
export function removedByRetention(
  code: string,
  what: string,
  { at, afterDays }: { readonly at: string; readonly afterDays: number },
  data: Record<string, unknown> = {},
): Problem {
  return new Problem(
    410,
    code,
    `${what} by retention on ${at.slice(0, 10)}, after ${afterDays} ${afterDays === 1 ? 'day' : 'days'}.`,
    data,
  );
}
