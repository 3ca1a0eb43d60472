import { createPublicKey, generateKeyPairSync, randomUUID, verify } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { bodyProblem, NO_COMMIT, textOf, type ForgeAnswer } from './forge-contracts.ts';

/** A check run as a person sees it at GitHub. */
export interface ShownCheck {
  readonly id: number;
  readonly appId: string;
  readonly repository: string;
  readonly name: string;
  readonly commit: string;
  readonly externalId: string;
  readonly status: string;
  readonly conclusion: string | null;
  readonly startedAt: string | null;
  readonly completedAt: string | null;
  readonly title: string;
  readonly summary: string;
  readonly url: string;
}

interface AppRequest {
  readonly method: string;
  /** After the base of the API, with its query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Readonly<Record<string, unknown>> | undefined;
}

interface Token {
  readonly repository: string;
  readonly endsAt: number;
}

type Body = Readonly<Record<string, unknown>>;

const TOKEN_MS = 3_600_000;
const LONGEST_JWT_SECONDS = 600;
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/;
const CHECK = {
  name: { longest: 255 },
  details_url: { longest: 2_000, url: true },
  external_id: { longest: 255 },
  // `waiting`, `requested` and `pending` are for GitHub Actions alone, `stale` is set by GitHub alone.
  status: { words: ['queued', 'in_progress', 'completed'] },
  conclusion: {
    words: ['action_required', 'cancelled', 'failure', 'neutral', 'success', 'skipped', 'timed_out'],
  },
  started_at: { longest: 40 },
  completed_at: { longest: 40 },
} as const;

/**
 * A GitHub App on one installation, and the checks it writes: docs.github.com/rest/checks/runs, /rest/apps/apps and "Generating a JSON Web
 * Token for a GitHub App". Stricter than GitHub where a careful sender never goes: a token for more than the checks of one
 * repository, a key that GitHub would ignore, and a check that goes back are refused.
 */
export class FakeGithubApp {
  readonly id = '1234567';
  readonly clientId = 'Iv23liFakeForgeApp01';
  readonly installationId = 87_654_321;
  /** Every state of a check that was ever accepted, in order. */
  readonly history: ShownCheck[] = [];
  /** Tokens given out so far. */
  tokensGiven = 0;
  /** What the App was granted where it is installed. */
  granted: Readonly<Record<string, string>> = { checks: 'write', metadata: 'read' };
  /** Older servers do not. */
  namesClientIds = true;
  now: () => number = Date.now;
  readonly #checks = new Map<number, ShownCheck>();
  readonly #tokens = new Map<string, Token>();
  #keys: { readonly privateKey: string; readonly publicKey: string } | undefined;

  /** PEM in the form in which GitHub gives it. Made when it is first asked for, which takes a moment. */
  get privateKey(): string {
    return this.#pair().privateKey;
  }

  /** As they stand now, oldest first. */
  checks(commit: string, name?: string): ShownCheck[] {
    return [...this.#checks.values()].filter((one) => one.commit === commit && (name ?? one.name) === one.name);
  }

  /** Ends every token before its time. */
  revokeTokens(): void {
    this.#tokens.clear();
  }

  /** A check as another App, or another user of this one, would have made it; or none any more. */
  put(check: ShownCheck): void {
    this.#checks.set(check.id, check);
  }

  remove(id: number): void {
    this.#checks.delete(id);
  }

  /** Undefined: the call is none of an App's. */
  answer({ method, path, headers, body }: AppRequest): ForgeAnswer | undefined {
    const url = new URL(path, 'http://github');
    if (!/^\/(?:app\/|repos\/[^/]+\/[^/]+\/(?:installation|check-runs|commits\/))/.test(url.pathname)) return undefined;
    if (!headers['user-agent']) return refuse(403, 'Request forbidden by administrative rules.');
    const isJson = method === 'GET' || headers['content-type'] === 'application/json';
    if (!isJson || headers.accept !== 'application/vnd.github+json') return refuse(415, 'Unsupported Media Type');
    const bearer = /^Bearer (\S+)$/.exec(headers.authorization ?? '')?.[1] ?? '';
    const installed = /^\/repos\/([^/]+\/[^/]+)\/installation$/.exec(url.pathname);
    const tokens = /^\/app\/installations\/(\d+)\/access_tokens$/.exec(url.pathname);
    if (installed || tokens) {
      const problem = this.#jwtProblem(bearer);
      if (problem !== undefined) return refuse(401, problem);
      if (installed) return method === 'GET' ? { status: 200, body: { id: this.installationId } } : notFound();
      return method === 'POST' ? this.#giveToken(Number(tokens![1]), body ?? {}) : notFound();
    }
    const [, repository, under] = /^\/repos\/([^/]+\/[^/]+)(\/.*)$/.exec(url.pathname) ?? [];
    if (repository === undefined || under === undefined) return notFound();
    const token = this.#tokens.get(bearer);
    if (token === undefined || token.endsAt <= this.now()) return refuse(401, 'Bad credentials');
    if (token.repository !== repository.split('/')[1]) return notFound();
    if (this.granted['checks'] !== 'write') return refuse(403, 'Resource not accessible by integration');
    const listed = /^\/commits\/([^/]+)\/check-runs$/.exec(under);
    if (listed) return method === 'GET' ? this.#list(repository, listed[1]!, url.searchParams) : notFound();
    const id = /^\/check-runs\/(\d+)$/.exec(under)?.[1];
    if (id !== undefined) return method === 'PATCH' ? this.#update(repository, Number(id), body ?? {}) : notFound();
    return under === '/check-runs' && method === 'POST' ? this.#create(repository, body ?? {}) : notFound();
  }

  #pair() {
    this.#keys ??= generateKeyPairSync('rsa', {
      modulusLength: 2_048,
      privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    });
    return this.#keys;
  }

  #jwtProblem(jwt: string): string | undefined {
    const [head = '', claims = '', signature = ''] = jwt.split('.');
    const undecodable = 'A JSON web token could not be decoded';
    let iat: unknown, exp: unknown, iss: unknown;
    try {
      if ((json(head) as { alg?: unknown }).alg !== 'RS256') return undecodable;
      ({ iat, exp, iss } = json(claims) as Record<string, unknown>);
    } catch {
      return undecodable;
    }
    const key = createPublicKey(this.#pair().publicKey);
    const isSigned = verify('sha256', Buffer.from(`${head}.${claims}`), key, Buffer.from(signature, 'base64url'));
    if (!isSigned) return undecodable;
    if (iss !== this.id && iss !== this.clientId) return 'Integration not found';
    const now = this.now() / 1_000;
    if (!Number.isInteger(iat) || (iat as number) > now)
      return "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued";
    if (!Number.isInteger(exp) || (exp as number) <= now || (exp as number) > now + LONGEST_JWT_SECONDS)
      return "'Expiration time' claim ('exp') is too far in the future";
    return undefined;
  }

  #giveToken(installation: number, body: Body): ForgeAnswer {
    if (installation !== this.installationId) return notFound();
    const { repositories, permissions, ...rest } = body;
    const isNarrow =
      Array.isArray(repositories) &&
      repositories.length === 1 &&
      JSON.stringify(permissions) === '{"checks":"write"}' &&
      Object.keys(rest).length === 0;
    if (!isNarrow) return refuse(422, 'A token is for the checks of one repository');
    if (this.granted['checks'] !== 'write')
      return refuse(422, 'The permissions requested are not granted to this installation.');
    const token = `ghs_${randomUUID().replaceAll('-', '')}`;
    const endsAt = this.now() + TOKEN_MS;
    this.#tokens.set(token, { repository: String(repositories[0]), endsAt });
    this.tokensGiven += 1;
    const expires = `${new Date(endsAt).toISOString().slice(0, 19)}Z`;
    return { status: 201, body: { token, expires_at: expires, permissions, repository_selection: 'selected' } };
  }

  #create(repository: string, { head_sha: commit, ...body }: Body): ForgeAnswer {
    if (typeof commit !== 'string' || !/^[0-9a-f]{40}$/.test(commit) || typeof body['name'] !== 'string')
      return refuse(422, 'Invalid request. "name" and "head_sha" are needed.');
    if (commit === NO_COMMIT) return refuse(422, `No commit found for SHA: ${commit}`);
    const problem = checkProblem(body);
    if (problem !== undefined) return refuse(422, problem);
    return { status: 201, body: this.#keep({ ...body, commit, repository, id: this.#checks.size + 1_001 }) };
  }

  #update(repository: string, id: number, body: Body): ForgeAnswer {
    const before = this.#checks.get(id);
    if (before?.repository !== repository) return notFound();
    if (before.appId !== this.id)
      return refuse(
        403,
        `Invalid app_id \`${this.id}\` - check run can only be modified by the GitHub App that created it.`,
      );
    const problem = checkProblem(body) ?? turnProblem(before, body);
    if (problem !== undefined) return refuse(422, problem);
    return { status: 200, body: this.#keep({ ...body, commit: before.commit, repository, id }, before) };
  }

  #keep(body: Body & { commit: string; repository: string; id: number }, before?: ShownCheck): object {
    const output = (body['output'] ?? {}) as Body;
    const instant = (key: string) => textOf(body, key) || null;
    const check: ShownCheck = {
      id: body.id,
      appId: this.id,
      repository: body.repository,
      commit: body.commit,
      name: textOf(body, 'name', before?.name),
      externalId: textOf(body, 'external_id', before?.externalId),
      status: textOf(body, 'status', before?.status ?? 'queued'),
      conclusion: textOf(body, 'conclusion') || null,
      startedAt: instant('started_at') ?? before?.startedAt ?? null,
      completedAt: instant('completed_at'),
      title: textOf(output, 'title', before?.title),
      summary: textOf(output, 'summary', before?.summary),
      url: textOf(body, 'details_url', before?.url),
    };
    this.#checks.set(check.id, check);
    this.history.push(check);
    return this.#listed(check);
  }

  #list(repository: string, commit: string, query: URLSearchParams): ForgeAnswer {
    for (const key of query.keys())
      if (!['check_name', 'status', 'filter', 'per_page', 'page', 'app_id'].includes(key))
        return refuse(422, `${key} is not known`);
    const appId = query.get('app_id');
    if (appId !== null && !/^\d+$/.test(appId)) return refuse(422, 'app_id must be an integer');
    const size = Math.min(Number(query.get('per_page') ?? 30), 100);
    const page = Number(query.get('page') ?? 1);
    const latest = query.get('filter') !== 'all';
    const all = this.checks(commit, query.get('check_name') ?? undefined)
      .filter((one) => one.repository === repository && (appId ?? one.appId) === one.appId)
      .toReversed()
      .filter((one, at, list) => !latest || list.findIndex((other) => isSameCheck(one, other)) === at);
    const listed = all.slice((page - 1) * size, page * size).map((one) => this.#listed(one));
    return { status: 200, body: { total_count: all.length, check_runs: listed } };
  }

  #listed(check: ShownCheck): object {
    return {
      id: check.id,
      name: check.name,
      head_sha: check.commit,
      external_id: check.externalId,
      status: check.status,
      conclusion: check.conclusion,
      details_url: check.url,
      output: { title: check.title, summary: check.summary },
      app: {
        id: Number(check.appId),
        slug: 'sluice',
        ...(this.namesClientIds && { client_id: check.appId === this.id ? this.clientId : `Iv1.of${check.appId}` }),
      },
    };
  }
}

const refuse = (status: number, message: string): ForgeAnswer => ({ status, body: { message } });
const notFound = () => refuse(404, 'Not Found');
const json = (part: string): unknown => JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
const isSameCheck = (one: ShownCheck, other: ShownCheck) => one.name === other.name && one.appId === other.appId;

function checkProblem({ output, ...body }: Body): string | undefined {
  const wrong = bodyProblem(body, CHECK);
  if (wrong !== undefined) return `${wrong.key} ${wrong.problem}`;
  for (const key of ['started_at', 'completed_at'])
    if (body[key] !== undefined && !INSTANT.test(textOf(body, key))) return `${key} is not a valid timestamp`;
  if ((body['status'] === 'completed') !== (body['conclusion'] !== undefined))
    return 'conclusion goes with the status completed, and with no other';
  if (output === undefined) return undefined;
  const text = { longest: 65_535, required: true } as const;
  const inside = bodyProblem(output as Body, { title: { longest: 255, required: true }, summary: text });
  return inside && `output.${inside.key} ${inside.problem}`;
}

/** A check that waits for somebody to act may begin anew; any other one goes on or says the same again. */
function turnProblem(before: ShownCheck, body: Body): string | undefined {
  const order = ['queued', 'in_progress', 'completed'];
  const after = textOf(body, 'status', before.status);
  if (before.conclusion === 'action_required') return undefined;
  if (order.indexOf(after) < order.indexOf(before.status)) return `status went back from ${before.status} to ${after}`;
  if (before.status === 'completed' && body['conclusion'] !== before.conclusion)
    return `conclusion went from ${before.conclusion} to ${textOf(body, 'conclusion')}`;
  return undefined;
}
