import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { ACCESS, TOKEN_SCOPE, type SluiceRequest } from './access.ts';
import { Authenticator } from './authenticator.port.ts';
import { sameText } from './bearer-tokens.ts';
import { forbidden, Problem } from './problem.ts';
import type { UserPrincipal } from './principal.ts';
import { PublicOrigin } from './public-origin.ts';
import { readSessionCookie } from './session-cookie.ts';

type Kind = 'public' | 'user' | 'runner';
type Scope = 'read' | 'write' | 'gate:approve' | 'never';

/** Deny by default: a route without a decorator needs a signed-in person (A47, A49, A58, A71, A81). */
@Injectable()
export class AccessGuard implements CanActivate {
  readonly #reflector: Reflector;
  readonly #authenticator: Authenticator;
  readonly #origin: PublicOrigin;
  constructor(reflector: Reflector, authenticator: Authenticator, origin: PublicOrigin) {
    this.#reflector = reflector;
    this.#authenticator = authenticator;
    this.#origin = origin;
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<SluiceRequest>();
    const metadata = <T>(key: string) =>
      this.#reflector.getAllAndOverride<T | undefined>(key, [context.getHandler(), context.getClass()]);
    const kind = metadata<Kind>(ACCESS) ?? 'user';
    if (kind === 'public') {
      this.#refuseForeignPage(request);
      return true;
    }
    const bearer = readBearer(request.headers.authorization);
    if (kind === 'runner') {
      const runner = bearer?.startsWith('slr_') ? await this.#authenticator.runnerToken(bearer) : undefined;
      if (!runner) throw unauthorized('This needs the token of a registered runner.');
      request.principal = runner;
      return true;
    }
    if (bearer !== undefined) {
      const principal = bearer.startsWith('slt_') ? await this.#authenticator.apiToken(bearer) : undefined;
      if (!principal)
        throw unauthorized('The API token is unknown, expired or revoked; make a new one under your name.');
      requireScope(principal, metadata<Scope>(TOKEN_SCOPE) ?? (isRead(request) ? 'read' : 'write'));
      request.principal = principal;
      return true;
    }
    await this.#bySession(request);
    return true;
  }

  async #bySession(request: SluiceRequest): Promise<void> {
    const cookie = readSessionCookie(request.headers.cookie);
    const found = cookie === undefined ? undefined : await this.#authenticator.session(cookie);
    if (!found) throw unauthorized('Sign in first, or send an API token.');
    this.#refuseForeignPage(request);
    if (!isRead(request)) {
      const token = request.headers['x-sluice-csrf'];
      if (typeof token !== 'string' || !sameText(token, found.session.csrfToken)) {
        throw forbidden('csrf', 'The request token is missing or old; reload the page and try again.');
      }
    }
    request.principal = found.principal;
    request.session = found.session;
  }

  /** A page of another origin may neither write nor listen with the person's cookie. */
  #refuseForeignPage(request: SluiceRequest): void {
    const origin = request.headers.origin;
    const site = request.headers['sec-fetch-site'];
    const foreign =
      origin === undefined
        ? !isRead(request) && site !== undefined && site !== 'same-origin' && site !== 'none'
        : !this.#origin.isOwn(origin);
    if (foreign) {
      throw forbidden(
        'foreign-origin',
        `This page is not served from ${this.#origin.value}; open Sluice there, or set PUBLIC_URL to the address you use.`,
      );
    }
  }
}

function isRead(request: SluiceRequest): boolean {
  return request.method === 'GET' || request.method === 'HEAD';
}

function readBearer(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  const match = /^Bearer +([A-Za-z0-9_-]{1,200})$/i.exec(header);
  // A malformed header is a failed credential, never a reason to look for another one.
  return match?.[1] ?? '';
}

function requireScope(principal: UserPrincipal, scope: Scope): void {
  if (scope === 'never') throw forbidden('session-needed', 'API tokens may not do this; sign in as a person.');
  const enough = principal.scopes.includes(scope) || (scope === 'read' && principal.scopes.includes('write'));
  if (!enough) throw forbidden('scope-missing', `The API token needs the scope ${scope}.`);
}

function unauthorized(message: string): Problem {
  return new Problem(401, 'unauthorized', message);
}
