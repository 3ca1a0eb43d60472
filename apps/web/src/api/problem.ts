import { ORPCError } from '@orpc/client';

/** The machine-readable code of a refusal: the contract's `data.code` where it is declared, else the error's own. */
export function problemCode(error: unknown): string | undefined {
  if (!(error instanceof ORPCError)) return undefined;
  const data: unknown = error.data;
  if (typeof data === 'object' && data !== null && 'code' in data && typeof data.code === 'string') return data.code;
  return error.code;
}

export function isNotFound(error: unknown): boolean {
  return error instanceof ORPCError && error.status === 404;
}

/** The server has decided; asking again brings the same. */
export function isRefusal(error: unknown): boolean {
  return error instanceof ORPCError && error.status < 500;
}

/** It was there, and retention removed it; the error's sentence says when. */
export function isRemoved(error: unknown): error is ORPCError<string, unknown> {
  return error instanceof ORPCError && error.status === 410;
}

/** One sentence for people. `doing` completes "Could not ...". */
export function problemSentence(error: unknown, doing: string): string {
  if (error instanceof ORPCError) {
    const issue = firstIssue(error.data);
    if (issue !== undefined) return issue;
    return error.status >= 500 ? `Could not ${doing} (${error.status}).` : error.message;
  }
  return `Could not ${doing}: the server can't be reached.`;
}

function firstIssue(data: unknown): string | undefined {
  if (typeof data !== 'object' || data === null || !('issues' in data) || !Array.isArray(data.issues)) return undefined;
  const [issue] = data.issues as { message?: unknown; path?: unknown[] }[];
  if (issue === undefined || typeof issue.message !== 'string') return undefined;
  return issue.path === undefined || issue.path.length === 0
    ? issue.message
    : `${issue.path.join('.')}: ${issue.message}`;
}
