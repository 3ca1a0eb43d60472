import { createORPCClient } from '@orpc/client';
import type { ContractRouterClient } from '@orpc/contract';
import type { JsonifiedClient } from '@orpc/openapi-client';
import { OpenAPILink } from '@orpc/openapi-client/fetch';
import { API_PREFIX, contract } from '@sluice/protocol';

/** The product's API as a program uses it: typed by the contract, dates as text. */
export type Api = JsonifiedClient<ContractRouterClient<typeof contract>>;

/** A client that signs its calls with an API token (`Authorization: Bearer`) or with a session (cookie and CSRF header). */
export function connectApi(url: string, headers: () => Record<string, string> = () => ({})): Api {
  const link = new OpenAPILink(contract, { url: `${url}${API_PREFIX}`, headers });
  return createORPCClient(link);
}

export function connectWithToken(url: string, token: string): Api {
  return connectApi(url, () => ({ authorization: `Bearer ${token}` }));
}

export interface Session {
  readonly api: Api;
  readonly userId: string;
  /** `name=value`, for a browser or a raw request. */
  readonly cookie: string;
}

/** Signs in (or sets the installation up) by plain HTTP, since the cookie is what comes back. */
export async function openSession(
  url: string,
  path: '/session' | '/setup',
  body: Record<string, string>,
): Promise<Session> {
  const answer = await fetch(`${url}${API_PREFIX}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: url },
    body: JSON.stringify(body),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`POST ${path} answered ${answer.status}: ${text}`);
  const me = JSON.parse(text) as { userId: string; csrfToken: string | null };
  const cookie = answer.headers
    .getSetCookie()
    .map((line) => line.split(';')[0]!)
    .join('; ');
  const api = connectApi(url, () => ({ cookie, origin: url, 'x-sluice-csrf': me.csrfToken ?? '' }));
  return { api, userId: me.userId, cookie };
}
