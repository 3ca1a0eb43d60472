import { createParamDecorator, SetMetadata, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { Principal, RunnerPrincipal, UserPrincipal } from './principal.ts';

export const ACCESS = 'sluice:access';
export const TOKEN_SCOPE = 'sluice:token-scope';

/** Who may call a route at all. Without the decorator a route needs a signed-in person: forgetting it denies. */
export function Access(kind: 'public' | 'user' | 'runner') {
  return SetMetadata(ACCESS, kind);
}

/** What an API token needs for a route. Without the decorator: `read` for GET, `write` for everything else. */
export function TokenScope(scope: 'read' | 'write' | 'gate:approve' | 'never') {
  return SetMetadata(TOKEN_SCOPE, scope);
}

export interface SluiceRequest extends FastifyRequest {
  principal?: Principal;
  rawBody?: Buffer;
  /** Set beside the principal when it came by session cookie. */
  session?: { readonly id: string; readonly csrfToken: string };
}

export function userOf(request: SluiceRequest): UserPrincipal {
  if (request.principal?.kind !== 'user') throw new Error('route without user guard');
  return request.principal;
}

export function runnerOf(request: SluiceRequest): RunnerPrincipal {
  if (request.principal?.kind !== 'runner') throw new Error('route without runner guard');
  return request.principal;
}

/** Parameter decorators for raw controllers. */
export const CurrentUser = createParamDecorator((_: unknown, context: ExecutionContext) =>
  userOf(context.switchToHttp().getRequest<SluiceRequest>()),
);
export const CurrentRunner = createParamDecorator((_: unknown, context: ExecutionContext) =>
  runnerOf(context.switchToHttp().getRequest<SluiceRequest>()),
);
