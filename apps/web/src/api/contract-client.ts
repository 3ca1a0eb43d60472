import type { contract } from '@sluice/protocol';
import { createORPCClient, ORPCError } from '@orpc/client';
import type { ContractRouterClient } from '@orpc/contract';
import type { JsonifiedClient } from '@orpc/openapi-client';
import { OpenAPILink } from '@orpc/openapi-client/fetch';
import { routes } from 'virtual:contract-routes';
import { noteServerTime } from './server-clock.ts';
import { sessionEnded } from './session-ended.ts';

/** Everything a person may call; runners have their own protocol. */
type PeopleContract = Omit<typeof contract, 'runner'>;

let csrfToken: string | null = null;

/** Remembers what `me` answered: each write sends it back as `X-Sluice-Csrf`. */
export function rememberCsrfToken(token: string | null): void {
  csrfToken = token;
}

const link = new OpenAPILink(routes, {
  url: () => `${window.location.origin}/api/v1`,
  headers: () => (csrfToken === null ? {} : { 'x-sluice-csrf': csrfToken }),
  fetch: async (request, init) => {
    const response = await fetch(request, { ...init, credentials: 'same-origin' });
    noteServerTime(response.headers.get('date'));
    if (response.status === 401 && !request.url.endsWith('/session')) sessionEnded();
    return response;
  },
  customErrorResponseBodyDecoder: (body, response) => decodePlainError(body, response.status),
});

/** Errors outside the contract's own come as `{ error: { code, message, requestId } }`. */
function decodePlainError(body: unknown, status: number): ORPCError<string, { code: string }> | null {
  if (typeof body !== 'object' || body === null || !('error' in body)) return null;
  const { error } = body;
  if (typeof error !== 'object' || error === null || !('code' in error) || !('message' in error)) return null;
  const code = String(error.code);
  return new ORPCError(code, { status, message: String(error.message), data: { code } });
}

export const api: JsonifiedClient<ContractRouterClient<PeopleContract>> = createORPCClient(link);
