import { createHash, createPrivateKey, sign } from 'node:crypto';
import type { Clock } from '../clock/clock.port.ts';
import type { AppPlace, Asked, Failure } from './checks.port.ts';
import type { ForgeAnswer, ForgeHttp, ForgeRequest } from './forge-http.ts';
import { judgeForgeAnswer, reachForge } from './judge-forge-answer.ts';

/** `status`: with which it was refused; absent when it was not even asked. */
type Judged =
  | Exclude<Asked<ForgeAnswer>, { kind: 'refused' }>
  | { readonly kind: 'refused'; readonly why: string; readonly status?: number };

interface Token {
  readonly text: string;
  readonly endsAt: number;
}

/** A server's clock may differ a little from ours; GitHub takes ten minutes at most. */
const ISSUED_BEFORE_SECONDS = 60;
const VALID_SECONDS = 540;
const RENEW_BEFORE_MS = 300_000;
const KEPT_TOKENS = 1_000;

const APP_REMEDIES: Readonly<Record<number, string>> = {
  401: "Check the App's id, and that its private key is one that GitHub still lists.",
  404: 'Check the path of the repository and that the App is installed there; leave out the id of the installation unless you are sure of it.',
  422: 'Grant the App "Checks: read and write", have the new permission accepted where it is installed, and let it see this repository.',
};
const CHECK_REMEDIES: Readonly<Record<number, string>> = {
  403: 'Grant the App "Checks: read and write" and have it accepted where it is installed.',
  404: 'Check the path of the repository and that the App is installed there.',
};

/**
 * Speaks with GitHub as an App: signs in with its key, and asks with a token that may write the checks of one repository and
 * nothing else. A token is fetched once for all who wait for it, kept in memory, and renewed before it ends; one that
 * GitHub refuses earlier is fetched anew, once per request. A pause that it asks for is kept towards the whole account: who asks
 * on may be shut out. Never throws; no sentence holds a key or token.
 */
export class GithubApp {
  readonly #http: ForgeHttp;
  readonly #clock: Clock;
  readonly #tokens = new Map<string, Promise<Asked<Token>>>();
  readonly #pauses = new Map<string, { readonly endsAt: number; readonly why: string }>();
  constructor(http: ForgeHttp, clock: Clock) {
    this.#http = http;
    this.#clock = clock;
  }

  /** `path` begins with a slash and is under the repository. */
  async ask(
    place: AppPlace,
    { path, ...request }: Omit<ForgeRequest, 'address' | 'headers'> & { readonly path: string },
  ): Promise<Judged> {
    const pause = this.#pauseOf(place);
    if (pause !== undefined) return pause;
    const asked = await this.#askWithToken(place, {
      ...request,
      address: `${place.apiUrl}/repos/${place.repository}${path}`,
    });
    if (asked.kind === 'trouble' && asked.retryAfterSeconds !== undefined) {
      const endsAt = this.#clock.now().getTime() + asked.retryAfterSeconds * 1_000;
      this.#pauses.set(accountOf(place), { endsAt, why: asked.why });
    }
    return asked;
  }

  async #askWithToken(place: AppPlace, request: Omit<ForgeRequest, 'headers'>): Promise<Judged> {
    for (let first = true; ; first = false) {
      const token = await this.#token(place);
      if (token.kind !== 'ok') return token;
      const asked = await this.#judged(request, token.value.text, CHECK_REMEDIES);
      if (asked.kind !== 'refused' || asked.status !== 401) return asked;
      await this.#forget(place, token.value);
      if (!first) return asked;
    }
  }

  #pauseOf(place: AppPlace): Failure | undefined {
    const pause = this.#pauses.get(accountOf(place));
    if (pause === undefined) return undefined;
    const seconds = Math.ceil((pause.endsAt - this.#clock.now().getTime()) / 1_000);
    if (seconds > 0) return { kind: 'trouble', why: pause.why, retryAfterSeconds: seconds };
    this.#pauses.delete(accountOf(place));
    return undefined;
  }

  async #token(place: AppPlace): Promise<Asked<Token>> {
    const key = keyOf(place);
    for (let known = this.#tokens.get(key); known !== undefined;) {
      const got = await known;
      if (got.kind !== 'ok' || got.value.endsAt - RENEW_BEFORE_MS > this.#clock.now().getTime()) return got;
      // Whoever is first to see that it ends fetches the next one for all.
      const next = this.#tokens.get(key);
      known = next === known ? undefined : next;
    }
    const fetching = this.#fetchToken(place).then((got) => {
      if (got.kind !== 'ok' && this.#tokens.get(key) === fetching) this.#tokens.delete(key);
      return got;
    });
    // Added anew, so that the oldest stands first.
    this.#tokens.delete(key);
    this.#tokens.set(key, fetching);
    const [oldest] = this.#tokens.keys();
    if (this.#tokens.size > KEPT_TOKENS) this.#tokens.delete(oldest!);
    return fetching;
  }

  async #forget(place: AppPlace, token: Token): Promise<void> {
    const key = keyOf(place);
    const known = this.#tokens.get(key);
    const got = await known;
    if (got?.kind === 'ok' && got.value === token && this.#tokens.get(key) === known) this.#tokens.delete(key);
  }

  async #fetchToken(place: AppPlace): Promise<Asked<Token>> {
    let jwt: string;
    try {
      jwt = this.#signIn(place);
    } catch {
      return { kind: 'refused', why: 'The private key of the App cannot be used; set it anew.' };
    }
    const installation = await this.#installation(place, jwt);
    if (installation.kind !== 'ok') return installation;
    const asked = await this.#judged(
      {
        method: 'POST',
        address: `${place.apiUrl}/app/installations/${installation.value}/access_tokens`,
        body: { repositories: [place.repository.split('/')[1]], permissions: { checks: 'write' } },
      },
      jwt,
      APP_REMEDIES,
    );
    if (asked.kind !== 'ok') return asked;
    const { token, expires_at: end } = jsonOf(asked.value) as { token?: unknown; expires_at?: unknown };
    const endsAt = Date.parse(String(end));
    // oxlint-disable-next-line no-control-regex -- a header cannot hold anything else
    if (typeof token !== 'string' || !/^[\u0021-\u007e]+$/.test(token) || !Number.isFinite(endsAt)) return unreadable();
    return { kind: 'ok', value: { text: token, endsAt } };
  }

  async #installation({ apiUrl, repository, installationId }: AppPlace, jwt: string): Promise<Asked<number>> {
    if (installationId !== null) return { kind: 'ok', value: installationId };
    const asked = await this.#judged(
      { method: 'GET', address: `${apiUrl}/repos/${repository}/installation` },
      jwt,
      APP_REMEDIES,
    );
    if (asked.kind !== 'ok') return asked;
    const { id } = jsonOf(asked.value) as { id?: unknown };
    return Number.isSafeInteger(id) ? { kind: 'ok', value: id as number } : unreadable();
  }

  async #judged(
    request: Omit<ForgeRequest, 'headers'>,
    bearer: string,
    remedies: Readonly<Record<number, string>>,
  ): Promise<Judged> {
    const headers = {
      authorization: `Bearer ${bearer}`,
      accept: 'application/vnd.github+json',
      'x-github-api-version': '2022-11-28',
    };
    const reached = await reachForge(() => this.#http.ask({ ...request, headers }));
    if (reached.kind !== 'answered') return reached;
    const judged = judgeForgeAnswer(reached.answer, this.#clock.now(), remedies);
    if (judged.kind === 'sent') return { kind: 'ok', value: reached.answer };
    return judged.kind === 'refused' ? { ...judged, status: reached.answer.status } : judged;
  }

  #signIn({ appId, privateKey }: AppPlace): string {
    const now = Math.floor(this.#clock.now().getTime() / 1000);
    const signed = [
      { alg: 'RS256', typ: 'JWT' },
      { iat: now - ISSUED_BEFORE_SECONDS, exp: now + VALID_SECONDS, iss: appId },
    ]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.');
    return `${signed}.${sign('sha256', Buffer.from(signed), createPrivateKey(privateKey)).toString('base64url')}`;
  }
}

/** The key is a part of it: who names another's App does not get the token that its key has earned. */
function keyOf({ apiUrl, repository, appId, installationId, privateKey }: AppPlace): string {
  return JSON.stringify([apiUrl, repository, appId, installationId, hashOf(privateKey)]);
}

/** Where the App is installed, which is what GitHub counts requests by. */
function accountOf({ apiUrl, repository, appId, privateKey }: AppPlace): string {
  return JSON.stringify([apiUrl, repository.split('/')[0], appId, hashOf(privateKey)]);
}

function hashOf(privateKey: string): string {
  return createHash('sha256').update(privateKey).digest('hex');
}

/** An answer that is no JSON has none of the members that are looked for. */
export function jsonOf({ text }: ForgeAnswer): object {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}

export function unreadable(): Failure {
  return { kind: 'trouble', why: 'The forge answered with something that is not of its API.' };
}
