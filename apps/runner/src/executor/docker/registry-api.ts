import type { RegistryCredential } from '../executor.port.ts';
import { credentialOfHost, registryOf } from './registry-credential.ts';

const ANSWER_WITHIN_MS = 30_000;
const HUB = 'registry-1.docker.io';

export interface RegistryAsk {
  readonly method: 'GET' | 'PUT';
  /** Tag or digest. */
  readonly manifest: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array<ArrayBuffer>;
}

/**
 * Asks a registry for a manifest of this repository, or gives it one. Throws a sentence for every answer that is not a success. Plain HTTP
 * goes to this machine only, and a credential to its registry and to where that registry hands out tokens.
 */
export async function askRegistry(
  repository: string,
  { method, manifest, headers, body }: RegistryAsk,
  credentials: readonly RegistryCredential[],
  signal: AbortSignal,
): Promise<Response> {
  const { origin, name, host } = addressOf(repository);
  const url = `${origin}/v2/${name}/manifests/${manifest}`;
  const send = (authorization?: string) =>
    reach(url, {
      method,
      headers: { ...headers, ...(authorization === undefined ? {} : { authorization }) },
      ...(body === undefined ? {} : { body }),
      signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_WITHIN_MS)]),
    });
  let answer = await send();
  if (answer.status === 401) {
    await answer.body?.cancel();
    const challenge = answer.headers.get('www-authenticate') ?? '';
    answer = await send(await authorizationFor(challenge, origin, credentialOfHost(host, credentials), signal));
  }
  if (answer.ok) return answer;
  throw new Error(`the registry answered ${answer.status} for ${url}: ${(await answer.text()).slice(0, 500)}`);
}

function addressOf(repository: string): { origin: string; name: string; host: string } {
  const host = registryOf(repository);
  const path = repository.startsWith(`${host}/`) ? repository.slice(host.length + 1) : repository;
  if (host === 'docker.io')
    return { origin: `https://${HUB}`, name: path.includes('/') ? path : `library/${path}`, host };
  const { hostname } = new URL(`http://${host}`);
  return { origin: `${isThisMachine(hostname) ? 'http' : 'https'}://${host}`, name: path, host };
}

async function authorizationFor(
  challenge: string,
  origin: string,
  credential: RegistryCredential | undefined,
  signal: AbortSignal,
): Promise<string> {
  const basic =
    credential && `Basic ${Buffer.from(`${credential.username}:${credential.password}`).toString('base64')}`;
  if (!/^bearer /i.test(challenge)) {
    if (basic === undefined) throw new Error('the registry wants a credential, and there is none for it');
    return basic;
  }
  const { realm = '', ...asked } = Object.fromEntries(
    [...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, key = '', value = '']) => [key, value]),
  );
  const url = URL.parse(realm);
  // What a registry names must not be a way to services that trust the runner's machine.
  if (url?.protocol !== 'https:' && !(url !== null && isThisMachine(url.hostname) && origin.startsWith('http:')))
    throw new Error(`the registry hands out tokens at "${realm}", which is no https address`);
  for (const key of ['service', 'scope'] as const) if (asked[key] !== undefined) url.searchParams.set(key, asked[key]);
  const answer = await reach(url.href, {
    headers: basic === undefined ? {} : { authorization: basic },
    signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_WITHIN_MS)]),
  });
  if (!answer.ok) throw new Error(`the registry gives no token: ${url.origin} answered ${answer.status} for it`);
  const { token, access_token: other } = (await answer.json()) as { token?: string; access_token?: string };
  return `Bearer ${token ?? other ?? ''}`;
}

/** Goes nowhere else, wherever the answer points to. With the reason in the message, which `fetch` keeps apart. */
async function reach(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, { ...init, redirect: 'error' });
  } catch (error) {
    const { cause } = error as { cause?: { code?: string; message?: string } };
    if (cause === undefined) throw error;
    const words = cause.code === 'ECONNREFUSED' ? 'connection refused' : (cause.message ?? cause.code ?? '');
    throw new Error(`${new URL(url).host} was not reached: ${words}`, { cause: error });
  }
}

function isThisMachine(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}
