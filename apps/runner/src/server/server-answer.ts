import { z } from 'zod';

/** The server said no and will say so again: a retry has no sense. */
export class ServerRefusal extends Error {
  override readonly name = 'ServerRefusal';
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string, message: string) {
    super(`${message} (${status} ${code})`);
    this.status = status;
    this.code = code;
  }
}

/** The lease belongs to someone else by now: end the containers, send nothing more of that attempt. */
export class LeaseLost extends Error {
  override readonly name = 'LeaseLost';
}

/** No answer, a cut answer, or one that asks for patience (5xx, 429, 408): ask again with the same content. */
export class ServerUnreachable extends Error {
  override readonly name = 'ServerUnreachable';
  /** We are too many or too quick for the server, which asks for at least this pause. */
  readonly retryAfterMs: number;
  constructor(message: string, { retryAfterMs = 0, ...options }: ErrorOptions & { retryAfterMs?: number } = {}) {
    super(message, options);
    this.retryAfterMs = retryAfterMs;
  }
}

const unified = z.object({ error: z.object({ code: z.string(), message: z.string() }) });
const declared = z.object({
  code: z.string(),
  message: z.string().default(''),
  data: z.object({ code: z.string() }).partial().optional(),
});

/** Reads both shapes of an error body: the unified one and the one of errors that the contract declares. */
export function readErrorBody(body: unknown): { readonly code: string; readonly message: string } {
  const first = unified.safeParse(body);
  if (first.success) return first.data.error;
  const second = declared.safeParse(body);
  if (second.success) return { code: second.data.data?.code ?? second.data.code, message: second.data.message };
  return { code: 'unknown', message: 'The server gave no reason' };
}

/** What an answer other than 2xx means for the caller. */
export function toError(
  status: number,
  body: unknown,
  retryAfterMs = 0,
): ServerRefusal | LeaseLost | ServerUnreachable {
  const { code, message } = readErrorBody(body);
  if (code === 'lease-lost' || code === 'lease_lost') return new LeaseLost(message);
  if (status >= 500 || status === 429 || status === 408)
    return new ServerUnreachable(`The server answered ${status}: ${message}`, status === 429 ? { retryAfterMs } : {});
  return new ServerRefusal(status, code, message);
}
